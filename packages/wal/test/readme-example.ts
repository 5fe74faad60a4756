import { MemoryFs } from '@meru/fs'
import { listSegments, replay, Wal } from '../src/index.ts'

// On disk: new NodeFs('/var/lib/app')
const log = { fs: new MemoryFs(), directory: 'wal' }
const newest = (await listSegments(log)).at(-1)
const epoch = (newest?.epoch ?? 0) + 1
const wal = await Wal.create({
  ...log,
  epoch,
  segmentBytesMax: 64 * 2 ** 20,
  preallocate: true,
  gatherTurns: 8,
})

wal.append(new TextEncoder().encode('hello'))
await wal.commit({ sync: true }) // durable; all commits that wait now share one fdatasync
await wal.close()

export const found: string[] = []
await replay(log, (payload) => void found.push(new TextDecoder().decode(payload)))
