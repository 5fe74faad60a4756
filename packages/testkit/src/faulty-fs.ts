import { errnoError, ioError, MemoryFs, type FileSystem } from '@meru/fs'
import { CrashError } from './crash-error.ts'
import { DiskQuota } from './disk-quota.ts'
import { InterceptedFs, type Call } from './intercepted-fs.ts'

/** A call with its place in the order of all calls, and of all syncs if it is one; both from 1 up. */
export interface NumberedCall extends Call {
  readonly number: number
  readonly sync?: number
}

/**
 * What goes wrong with a call. With `errno`, as the system names it (`EIO`, `ENOSPC`, `EMFILE`), it fails,
 * and before that does nothing, half of the bytes of a `read` or `write`, or the whole, so that only the
 * answer is lost; `lose` drops what a sync covered, as a disk may. `short` moves half of the bytes and
 * says nothing. `hang` never answers.
 */
export type Fault =
  | { readonly errno: string; readonly effect?: 'none' | 'half' | 'whole' | 'lose' }
  | { readonly effect: 'short' | 'hang' }

/** Decides about each call; of several rules the first that answers wins. */
export type FaultRule = (call: NumberedCall) => Fault | undefined

/** What becomes of one call: it runs, perhaps on fewer bytes, or not; then it fails, or not. */
interface Fate {
  readonly runs: boolean
  readonly count?: number | undefined
  readonly failure?: Error | undefined
  readonly hangs?: boolean
}

/**
 * Makes calls on a file system fail, or the machine crash, at planned places. `fs` is what the code under
 * test is given.
 */
export class FaultyFs {
  readonly fs: FileSystem
  readonly #memory: MemoryFs | undefined
  readonly #quota = new DiskQuota()
  #rules: FaultRule[] = []
  #calls = 0
  #syncs = 0
  #crashAt = Infinity

  /** `memory` is the file system at the bottom, where `below` is not that itself. */
  constructor(below: FileSystem, memory?: MemoryFs) {
    this.#memory = memory ?? (below instanceof MemoryFs ? below : undefined)
    this.fs = new InterceptedFs(below, {
      around: (call, run) => this.#around(call, run),
      aroundSync: (call, run) => this.#aroundSync(call, run),
    })
  }

  /** How many calls were made. */
  get calls(): number {
    return this.#calls
  }

  /** How many of them were syncs, of files or directories. */
  get syncs(): number {
    return this.#syncs
  }

  /** Asks a rule before each call. A rule that never answers may just watch. */
  inject(rule: FaultRule): void {
    this.#rules.push(rule)
  }

  /** Makes call `number` fail, once. */
  failAt(number: number, errno: string, effect: 'none' | 'half' | 'whole' = 'none'): void {
    this.inject((call) => (call.number === number ? { errno, effect } : undefined))
  }

  /** Makes the n-th sync fail, once, and lose what it covered. */
  failSyncAt(sync: number): void {
    this.inject((call) => (call.sync === sync ? { errno: 'EIO', effect: 'lose' } : undefined))
  }

  /** Stops the machine: call `number` and all later ones throw `CrashError` and do nothing. */
  crashAt(number: number): void {
    this.#crashAt = number
  }

  /** Lets so many more bytes be written before the disk is full. Removing files makes room, too. */
  limitFreeBytes(bytes: number): void {
    this.#quota.free = bytes
  }

  /** Takes back the rules, a crash that has not happened, and the limit of the disk. */
  heal(): void {
    this.#rules = []
    if (this.#calls < this.#crashAt) this.#crashAt = Infinity
    this.#quota.free = Infinity
  }

  async #around<T>(call: Call, run: (count?: number) => Promise<T>): Promise<T> {
    const fate = this.#fateOf(call)
    if (fate.hangs === true) return new Promise(() => undefined)
    if (!fate.runs) throw fate.failure ?? noAnswer(call)
    const result = await run(fate.count)
    return this.#settled(call, fate, result)
  }

  #aroundSync<T>(call: Call, run: (count?: number) => T): T {
    const fate = this.#fateOf(call)
    if (!fate.runs) throw fate.failure ?? noAnswer(call)
    return this.#settled(call, fate, run(fate.count))
  }

  #settled<T>(call: Call, fate: Fate, result: T): T {
    this.#quota.book(call, fate.count ?? call.length ?? 0)
    if (fate.failure === undefined) return result
    throw fate.failure
  }

  #fateOf(call: Call): Fate {
    const isSync = call.operation === 'sync' || call.operation === 'syncDirectory'
    const number = ++this.#calls
    if (number >= this.#crashAt) {
      if (number === this.#crashAt) this.#memory?.kill()
      throw new CrashError(describeCall({ ...call, number }))
    }
    const numbered: NumberedCall = isSync ? { ...call, number, sync: ++this.#syncs } : { ...call, number }
    for (const rule of this.#rules) {
      const fault = rule(numbered)
      if (fault !== undefined) return this.#faultyFate(numbered, fault)
    }
    return this.#spaceFate(numbered)
  }

  #faultyFate(call: NumberedCall, fault: Fault): Fate {
    const half = call.length === undefined ? undefined : Math.floor(call.length / 2)
    if (!('errno' in fault))
      return fault.effect === 'hang' ? { runs: false, hangs: true } : { runs: true, count: half }
    const failure = failureOf(call, fault.errno)
    if (fault.effect === 'whole') return { runs: true, failure }
    if (fault.effect === 'half') return { runs: half !== undefined, count: half, failure }
    if (fault.effect === 'lose') this.#memory?.loseUnsynced(call.path)
    // A close that fails has given the handle back all the same.
    return { runs: call.operation === 'close', failure }
  }

  #spaceFate(call: NumberedCall): Fate {
    if (this.#quota.refuses(call)) return { runs: false, failure: failureOf(call, 'ENOSPC') }
    if (call.operation !== 'write') return { runs: true }
    const count = this.#quota.fitting(call)
    if (count === call.length) return { runs: true }
    return { runs: count > 0, count, failure: failureOf(call, 'ENOSPC') }
  }
}

/** A call in one line, as errors name it. */
export function describeCall(call: NumberedCall): string {
  const to = call.to === undefined ? '' : ` to ${call.to}`
  const range = call.offset === undefined ? '' : ` ${call.offset}+${call.length}`
  return `call ${call.number}: ${call.operation} ${call.path === '' ? '(root)' : call.path}${to}${range}`
}

function failureOf(call: NumberedCall, errno: string): Error {
  const path = call.to === undefined ? call.path : `${call.path} to ${call.to}`
  return ioError(call.operation, path, errnoError(errno, `planned failure of ${describeCall(call)}`))
}

function noAnswer(call: Call): Error {
  return ioError(call.operation, call.path, errnoError('EIO', 'a synchronous call cannot hang'))
}
