import {
  type Environment,
  type FileSystem,
  nodeEnvironment,
  NodeFs,
  nodeProcessProbe,
  type ProcessProbe,
} from '@meru/fs'
import { PageCache } from '@meru/sst'
import type { EngineEvent } from './events.ts'
import type { Settings } from './settings.ts'

/** Parts that do work, swapped chiefly in tests. */
export interface Components {
  readonly fs: FileSystem
  readonly env: Environment
  /** Tells whether the process that holds the lock is alive. */
  readonly probe: ProcessProbe
  /** Decoded pages. Give one cache to several databases to bound their memory together. */
  readonly cache: PageCache
  /**
   * The module that worker threads run, for an application that is bundled: `@meru/db/worker` as a file of its own.
   * Without it the one beside the engine's own modules.
   */
  readonly workerEntry: URL | undefined
  /** Told of flushes, compactions, stalls and failures in the background. Must not throw. */
  readonly onEvent: (event: EngineEvent) => void
}

const NAMES: readonly (keyof Components)[] = ['fs', 'env', 'probe', 'cache', 'workerEntry', 'onEvent']

/** The components in force for a database at `path`. Unknown names are a `TypeError`. */
export function resolveComponents(
  path: string,
  given: Partial<Components> | undefined,
  settings: Settings,
): Components {
  for (const name of Object.keys(given ?? {})) {
    if (!NAMES.includes(name as keyof Components)) {
      throw new TypeError(`there is no component "${name}"; the components are ${NAMES.join(', ')}`)
    }
  }
  const entry: unknown = given?.workerEntry
  if (entry !== undefined && !(entry instanceof URL)) {
    throw new TypeError(`the component workerEntry is a ${typeof entry}; a URL expected`)
  }
  return {
    fs: given?.fs ?? new NodeFs(path),
    env: given?.env ?? nodeEnvironment(),
    probe: given?.probe ?? nodeProcessProbe(),
    cache: given?.cache ?? new PageCache({ bytesMax: settings.pageCacheBytes }),
    workerEntry: given?.workerEntry,
    onEvent: given?.onEvent ?? ((): void => undefined),
  }
}
