import { channel } from 'node:diagnostics_channel'
import type { EngineEvent } from './events.ts'

const channels = {
  flush: channel('meru:flush'),
  compaction: channel('meru:compaction'),
  ingest: channel('meru:ingest'),
  stall: channel('meru:stall'),
  publication: channel('meru:publication'),
  publicationError: channel('meru:publicationError'),
  backgroundError: channel('meru:backgroundError'),
  workersUnavailable: channel('meru:workersUnavailable'),
} as const

/** Publishes an event on the `node:diagnostics_channel` named `meru:<kind>`, with the database it is of. */
export function publishEvent(path: string, event: EngineEvent): void {
  const target = channels[event.kind]
  if (target.hasSubscribers) target.publish({ database: path, ...event })
}
