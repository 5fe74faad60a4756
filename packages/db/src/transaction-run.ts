import { ConflictError, MeruError } from '@meru/core'
import { checkOpen, type Engine } from './engine.ts'
import { Snapshot } from './snapshot.ts'
import type { TableStore } from './table-store.ts'
import { Transaction, type TransactionTraces } from './transaction.ts'
import { findConflict } from './transaction-check.ts'
import { WriteGroup } from './write-group.ts'
import type { WriteOptions } from './write-options.ts'
import { submit } from './writes.ts'

/** Options of a transaction. */
export interface TransactionOptions extends WriteOptions {
  /**
   * `serializable`, the default: the outcome is as if transactions ran one after the other. `snapshot`:
   * only keys that it writes are checked, so two may each read what the other one writes.
   */
  readonly isolation?: 'serializable' | 'snapshot' | undefined
  /** How often it is run again after a conflict before `CONFLICT` is thrown. */
  readonly retries?: number | undefined
  /** The wait before the first retry is random up to this; it doubles with every further one, up to 64 times. */
  readonly backoffMs?: number | undefined
  /** Ends reads and waits, and commits nothing unless the commit is on its way to the disk. */
  readonly signal?: AbortSignal | undefined
}

interface Defaults {
  readonly isolation: 'serializable' | 'snapshot'
  readonly retries: number
  readonly backoffMs: number
}

export const DEFAULT_TRANSACTION: Defaults = Object.freeze({
  isolation: 'serializable',
  retries: 10,
  backoffMs: 2,
})

const BACKOFF_DOUBLINGS_MAX = 6

const OPTION_NAMES = new Set(['isolation', 'retries', 'backoffMs', 'signal', 'durability'])

type Resolved = TransactionOptions & Defaults

/** Runs `body` until it is committed without conflict. See `Database.transaction`. */
export async function runTransaction<T>(
  engine: Engine,
  body: (tx: Transaction) => T | PromiseLike<T>,
  given: TransactionOptions,
  checkOwn: (store: TableStore) => void,
): Promise<Awaited<T>> {
  const options = resolveOptions(given)
  if (typeof body !== 'function') throw new TypeError('transaction() needs a function')
  for (let attempt = 0; ; attempt++) {
    const outcome = await runOnce(engine, body, options, checkOwn)
    if (outcome.conflict === undefined) return outcome.result
    engine.counters.conflicts++
    if (attempt >= options.retries) throw outcome.conflict
    await wait(engine, options, attempt)
  }
}

type Outcome<T> =
  | { readonly conflict: undefined; readonly result: Awaited<T> }
  | { readonly conflict: ConflictError }

async function runOnce<T>(
  engine: Engine,
  body: (tx: Transaction) => T | PromiseLike<T>,
  options: Resolved,
  checkOwn: (store: TableStore) => void,
): Promise<Outcome<T>> {
  checkOpen(engine)
  const { signal } = options
  signal?.throwIfAborted()
  const { writes, history, versions, tables } = engine
  const traces: TransactionTraces = new Map()
  const since = history.hold(writes.visibleSeqno)
  const { seqno } = since
  const own = (table: TableStore): ReturnType<Snapshot['viewOf']>['memtables'] =>
    traces.get(table)?.own(seqno) ?? []
  const moment = new Snapshot({ versions, tables: tables.values(), seqno, own })
  const notesReads = options.isolation === 'serializable'
  const tx = new Transaction({ moment, traces, notesReads, signal, checkOwn })
  try {
    const result = await body(tx)
    tx.end()
    signal?.throwIfAborted()
    const conflict = await commit(engine, traces, seqno, options)
    if (conflict !== undefined) return { conflict }
    engine.counters.transactions++
    return { conflict: undefined, result }
  } finally {
    tx.end()
    moment.close()
    history.release(since)
  }
}

/** Writes what the traces hold, unless it conflicts. What only reads is as of its moment, and needs no check. */
async function commit(
  engine: Engine,
  traces: TransactionTraces,
  seqno: number,
  options: Resolved,
): Promise<ConflictError | undefined> {
  const written = [...traces.values()].filter(({ writes }) => writes.entries.length > 0)
  if (written.length === 0) return undefined
  checkOpen(engine)
  const group = new WriteGroup({ closed: true })
  for (const { table, codec, writes } of written) {
    const target = { id: table.id, schemaId: codec.schema.schemaId }
    const { bytes } = writes
    for (const { kind, start, keyEnd, end } of writes.entries) {
      if (kind === 0) group.batch.put(target, bytes, start, keyEnd, keyEnd, end)
      else group.batch.delete(target, bytes, start, keyEnd)
    }
  }
  const turn: { conflict: MeruError | undefined; isOver: boolean } = { conflict: undefined, isOver: false }
  const { signal } = options
  group.guard = {
    refusal: (pending) => {
      turn.isOver = true
      if (signal?.aborted === true) return signal.reason ?? new MeruError('CLOSED', 'aborted')
      turn.conflict = findConflict(traces.values(), seqno, { history: engine.history, pending })
      return turn.conflict
    },
  }
  const stores = written.map(({ table }) => table)
  const done = submit(engine, group, stores, { durability: options.durability })
  try {
    await (signal === undefined ? done : abortable(done, signal, turn))
    return undefined
  } catch (error) {
    if (error === turn.conflict && error instanceof ConflictError) return error
    throw error
  }
}

/** Rejects when `signal` fires, as long as the write's turn has not come; from then on its end counts. */
function abortable<T>(done: Promise<T>, signal: AbortSignal, turn: { isOver: boolean }): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      if (!turn.isOver) reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort)
    const leave = (): void => signal.removeEventListener('abort', onAbort)
    done.then(resolve, reject).finally(leave)
  })
}

function wait(engine: Engine, { backoffMs, signal }: Resolved, attempt: number): Promise<void> {
  const most = backoffMs * 2 ** Math.min(attempt, BACKOFF_DOUBLINGS_MAX)
  const delayMs = engine.env.random(Math.floor(most) + 1)
  if (delayMs === 0) return Promise.resolve()
  return new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = engine.env.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function resolveOptions(given: TransactionOptions): Resolved {
  for (const name of Object.keys(given)) {
    if (OPTION_NAMES.has(name)) continue
    throw new TypeError(`transaction() has no option "${name}"; it has ${[...OPTION_NAMES].join(', ')}`)
  }
  const isolation = given.isolation ?? DEFAULT_TRANSACTION.isolation
  const retries = given.retries ?? DEFAULT_TRANSACTION.retries
  const backoffMs = given.backoffMs ?? DEFAULT_TRANSACTION.backoffMs
  if (isolation !== 'serializable' && isolation !== 'snapshot') {
    throw new TypeError(`isolation is "${String(isolation)}"; "serializable" or "snapshot" expected`)
  }
  if (!(Number.isSafeInteger(retries) && retries >= 0)) {
    throw new TypeError(`retries is ${String(retries)}; a non-negative integer expected`)
  }
  if (!(Number.isFinite(backoffMs) && backoffMs >= 0)) {
    throw new TypeError(`backoffMs is ${String(backoffMs)}; milliseconds, 0 or more, expected`)
  }
  return { ...given, isolation, retries, backoffMs }
}
