import { compareKeys, MeruError } from '@meru/core'
import { createIfAbsent, type Environment, type FileSystem, type ProcessProbe } from '@meru/fs'
import { z } from 'zod'
import { LOCK_FILE } from './file-names.ts'

/** What `acquireLock` takes. */
export interface LockOptions {
  readonly fs: FileSystem
  readonly env: Environment
  readonly probe: ProcessProbe
  /** The nonce of this writer. */
  readonly owner: string
  /** Take the lock even from an owner that is alive, or not known to be dead. The epoch fences it. */
  readonly takeover: boolean
}

/** The lock file of a writer. */
export interface WriterLock {
  readonly owner: string
  /** Removes the lock file if it is still this writer's. */
  release(): Promise<void>
}

/** What a lock file says of its owner. */
export interface LockOwner {
  readonly pid: number
  readonly host: string
  readonly boot: string
  readonly namespace: string
  readonly startTime: string
  readonly owner: string
  /** When the lock was taken, ISO 8601, for people to read. */
  readonly lockedAt: string
}

const lockOwner: z.ZodType<LockOwner> = z.object({
  pid: z.int(),
  host: z.string(),
  boot: z.string(),
  namespace: z.string(),
  startTime: z.string(),
  owner: z.string(),
  lockedAt: z.string(),
})

// Each attempt that fails is another writer that took or gave back the lock in between.
const ATTEMPTS_MAX = 10

/**
 * Takes the lock file, so that a second writer hears who has the database open instead of fencing it. A
 * courtesy only: what keeps two writers apart is the epoch. The lock of a process that is dead is taken
 * over. Throws `LOCKED`, naming the owner, while it is alive or may be.
 */
export async function acquireLock(options: LockOptions): Promise<WriterLock> {
  const { fs, env, probe, owner, takeover } = options
  const { pid, host, boot, namespace, startTime } = probe
  const lockedAt = new Date(env.now()).toISOString()
  const own: LockOwner = { pid, host, boot, namespace, startTime, owner, lockedAt }
  const bytes = new TextEncoder().encode(`${JSON.stringify(own)}\n`)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (await create(fs, env, bytes)) return { owner, release: () => release(fs, owner) }
    const found = await fs.readFile(LOCK_FILE)
    if (found === undefined) continue
    const other = parseOwner(found)
    // It was made, but the answer was lost.
    if (other?.owner === owner) return { owner, release: () => release(fs, owner) }
    if (!takeover && !isStale(other, probe)) throw lockedError(fs, other, probe)
    // Another writer may have taken the stale lock over in the meantime.
    const again = await fs.readFile(LOCK_FILE)
    if (again !== undefined && compareKeys(found, again) === 0) await fs.remove(LOCK_FILE)
  }
  throw new MeruError('LOCKED', `${fs.root}: other writers are opening it at the same time; try again`)
}

/** The owner that the lock file names; `undefined` if there is no lock, or its content is damaged. */
export async function readLockOwner(fs: FileSystem): Promise<LockOwner | undefined> {
  const bytes = await fs.readFile(LOCK_FILE)
  return bytes === undefined ? undefined : parseOwner(bytes)
}

async function create(fs: FileSystem, env: Environment, bytes: Uint8Array): Promise<boolean> {
  try {
    return await createIfAbsent(fs, env, LOCK_FILE, bytes)
  } catch (error) {
    // An owner that has just opened may have swept our temporary file away as an orphan.
    if ((await fs.size(LOCK_FILE)) === undefined) throw error
    return false
  }
}

async function release(fs: FileSystem, owner: string): Promise<void> {
  const found = await readLockOwner(fs)
  if (found?.owner === owner) await fs.remove(LOCK_FILE)
}

/** Whether the owner is known to be dead. Unknown owners, and those on other machines, are not. */
function isStale(other: LockOwner | undefined, probe: ProcessProbe): boolean {
  if (other === undefined) return false
  const sameBoot = other.boot !== '' && other.boot === probe.boot
  if (!sameBoot) {
    if (other.host !== probe.host) return false
    // A machine that started anew has none of its old processes.
    if (other.boot !== '' && probe.boot !== '') return true
  }
  return other.namespace === probe.namespace && !probe.isAlive(other.pid, other.startTime)
}

function lockedError(fs: FileSystem, other: LockOwner | undefined, probe: ProcessProbe): MeruError {
  const advice = 'close it there, or open with `takeover` if it is not running any more'
  if (other === undefined) {
    return new MeruError(
      'LOCKED',
      `${fs.root}: ${LOCK_FILE} is damaged, so its owner is not known; ${advice}`,
    )
  }
  const { pid, host, boot, namespace, lockedAt, owner } = other
  const isOwn =
    pid === probe.pid && host === probe.host && boot === probe.boot && namespace === probe.namespace
  const process = isOwn ? `this process (${pid})` : `process ${pid} on ${host}`
  const who = `${process} has had it open since ${lockedAt} (writer ${owner})`
  return new MeruError('LOCKED', `${fs.root}: ${who}; ${advice}`)
}

function parseOwner(bytes: Uint8Array): LockOwner | undefined {
  try {
    return lockOwner.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch {
    return undefined
  }
}
