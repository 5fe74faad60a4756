import { type FileSystem, MemoryFs } from '@meru/fs'
import { type Call, FaultyFs, InterceptedFs, showValue, TestEnvironment } from '@meru/testkit'
import {
  MeruError,
  open,
  t,
  table,
  verify,
  type Database,
  type Table,
  type TableDefinition,
} from '../src/index.ts'
import { TINY } from './fixture.ts'
import { probeOf } from './session.ts'

interface Item {
  id: number
  text: string
}

export const items: TableDefinition<'items', Item, Item, number> = table(
  'items',
  { id: t.int(), text: t.string() },
  { key: ['id'] },
)

/** One step of a script. */
export type Step =
  | { readonly do: 'write'; readonly puts: readonly number[]; readonly deletes: readonly number[] }
  | { readonly do: 'ingest'; readonly puts: readonly number[] }
  | { readonly do: 'flush' | 'compact' | 'export' | 'reopen' }

/** A little of everything that writes. */
export const SCRIPT: readonly Step[] = [
  { do: 'write', puts: [1, 2, 3, 4], deletes: [] },
  { do: 'flush' },
  { do: 'write', puts: [2], deletes: [3] },
  { do: 'flush' },
  { do: 'write', puts: [9], deletes: [4] },
  { do: 'ingest', puts: [2, 10, 11] },
  { do: 'flush' },
  { do: 'compact' },
  { do: 'export' },
  { do: 'write', puts: [1, 5], deletes: [2] },
  { do: 'reopen' },
  { do: 'write', puts: [6], deletes: [1] },
  { do: 'compact' },
  { do: 'write', puts: [7, 8], deletes: [] },
]

/** Rows by key. */
type Rows = ReadonlyMap<number, string>

/**
 * Runs steps on a database whose file system fails now and then, and knows what may be true. What was
 * acknowledged is visible; what failed is not visible before a reopening, and may be there after it.
 */
export class FaultRun {
  readonly memory: MemoryFs
  readonly faulty: FaultyFs
  /** Codes of the errors so far, each with its step. */
  readonly failures: { readonly step: Step['do']; readonly error: MeruError }[] = []
  readonly env: TestEnvironment = new TestEnvironment()
  /** Whoever closes in vain may close again. */
  readonly handles: { open: number; failedCloses: number } = { open: 0, failedCloses: 0 }
  readonly #session: {
    readonly fs: FileSystem
    db: Database | undefined
    table: Table<Item, Item, number> | undefined
    lives: number
    isStopped: boolean
  }
  /** `possible` is what a reopening may find. */
  readonly #known: { visible: Rows; possible: readonly Rows[]; writes: number } = {
    visible: new Map(),
    possible: [new Map()],
    writes: 0,
  }

  constructor() {
    this.memory = new MemoryFs()
    this.faulty = new FaultyFs(this.memory)
    const fs = countHandles(this.handles, this.faulty.fs)
    this.#session = { fs, db: undefined, table: undefined, lives: 0, isStopped: false }
  }

  async start(): Promise<void> {
    const components = { fs: this.#session.fs, env: this.env, probe: probeOf(++this.#session.lives) }
    try {
      this.#session.db = await this.env.until(open('memory', { settings: TINY, components }))
      this.#session.table = await this.env.until(this.#session.db.table(items))
    } catch (error) {
      this.#note('reopen', error)
      await this.end()
      if (this.handles.open !== 0)
        throw new Error(`${this.handles.open} handles stay open after a failed open`, { cause: error })
      return
    }
    this.#session.isStopped = false
    const found = await this.rows().catch((error: unknown) => {
      this.#note('reopen', error)
      return this.rows()
    })
    const match = this.#known.possible.find((rows) => same(rows, found))
    if (match === undefined)
      throw new Error(`found ${show(found)}; possible are ${this.#known.possible.map(show).join(' or ')}`)
    this.#known.visible = match
    this.#known.possible = [match]
  }

  /** Runs one step; an error that is not a `MeruError` goes through. */
  async run(step: Step): Promise<void> {
    if (step.do === 'reopen') return this.reopen()
    if (this.#session.db === undefined || this.#session.table === undefined) return
    try {
      if (step.do === 'flush') await this.env.until(this.#session.table.flush())
      else if (step.do === 'compact') await this.env.until(this.#session.table.compact())
      else if (step.do === 'export') await this.env.until(this.#session.table.exportIceberg())
      else if (step.do === 'write') await this.#write(step)
      else if (step.do === 'ingest') await this.#ingest(step)
    } catch (error) {
      this.#note(step.do, error)
    }
    await this.check()
  }

  /** What reads say now must be what was acknowledged. */
  async check(): Promise<void> {
    if (this.#session.table === undefined) return
    let found: Rows
    try {
      found = await this.rows()
    } catch (error) {
      this.#note('reopen', error)
      return
    }
    if (!same(found, this.#known.visible))
      throw new Error(`found ${show(found)}; acknowledged are ${show(this.#known.visible)}`)
  }

  async rows(): Promise<Rows> {
    const table = this.#session.table as Table<Item, Item, number>
    const all = await this.env.until(table.scan().toArray())
    const count = await this.env.until(table.count())
    if (count !== all.length) throw new Error(`count() is ${count}, ${all.length} rows`)
    return new Map(all.map((row) => [row.id, row.text]))
  }

  async reopen(): Promise<void> {
    await this.end()
    await this.start()
  }

  /** Closes; whatever happens, no file may stay open. */
  async end(): Promise<void> {
    const db = this.#session.db
    this.#session.db = undefined
    this.#session.table = undefined
    if (db === undefined) return
    try {
      await this.env.until(db.close())
    } catch (error) {
      this.#note('reopen', error)
    }
    if (this.#isLeaking()) throw new Error(`${this.handles.open} handles stay open after close`)
  }

  /** With all faults gone: everything works again, and nothing on disk is damaged or left behind. */
  async finish(): Promise<void> {
    this.faulty.heal()
    await this.end()
    const before = this.failures.length
    await this.start()
    await this.run({ do: 'write', puts: [1, 50], deletes: [4] })
    await this.run({ do: 'compact' })
    await this.run({ do: 'export' })
    await this.end()
    if (this.failures.length > before)
      throw new Error('steps fail without faults', { cause: this.failures.at(-1)?.error })
    const { problems } = await verify('memory', { fs: this.memory })
    if (problems.length > 0) throw new Error(showValue(problems[0].message))
  }

  async #write(step: Step & { do: 'write' }): Promise<void> {
    const into = this.#session.table as Table<Item, Item, number>
    const text = `write ${++this.#known.writes} ${'x'.repeat(40)}`
    const apply = (rows: Rows): Rows => {
      const next = new Map(rows)
      for (const id of step.puts) next.set(id, text)
      for (const id of step.deletes) next.delete(id)
      return next
    }
    try {
      await this.env.until(
        (this.#session.db as Database).batch((batch) => {
          for (const id of step.puts) batch.put(into, { id, text })
          for (const id of step.deletes) batch.delete(into, id)
        }),
      )
    } catch (error) {
      // Only the write that met the failure may be on the disk; what comes after it is refused.
      if (!this.#session.isStopped)
        this.#known.possible = [...this.#known.possible, ...this.#known.possible.map(apply)]
      this.#session.isStopped = (error as Partial<MeruError>).code !== 'DISK_FULL'
      throw error
    }
    this.#known.visible = apply(this.#known.visible)
    this.#known.possible = this.#known.possible.map(apply)
  }

  /** A load that fails has loaded nothing, unless its commit may have got through. */
  async #ingest(step: Step & { do: 'ingest' }): Promise<void> {
    const into = this.#session.table as Table<Item, Item, number>
    const text = `load ${++this.#known.writes} ${'x'.repeat(40)}`
    const apply = (rows: Rows): Rows => new Map([...rows, ...step.puts.map((id) => [id, text] as const)])
    try {
      await this.env.until(into.ingest(step.puts.map((id) => ({ id, text }))))
    } catch (error) {
      if ((error as Partial<MeruError>).code === 'POISONED') {
        this.#known.possible = [...this.#known.possible, ...this.#known.possible.map(apply)]
      }
      throw error
    }
    this.#known.visible = apply(this.#known.visible)
    this.#known.possible = this.#known.possible.map(apply)
  }

  #isLeaking(): boolean {
    return this.handles.open > 0 || this.handles.open < -this.handles.failedCloses
  }

  #note(step: Step['do'], error: unknown): void {
    // Every error must come from the planned fault, at once or because writing has stopped since.
    if (!(error instanceof MeruError) || !/planned failure/.test(rootOf(error).message)) throw error
    this.failures.push({ step, error })
  }
}

/** Counts what the caller has open. A close that fails has given the handle back all the same. */
function countHandles(handles: { open: number; failedCloses: number }, below: FileSystem): FileSystem {
  const opens = (call: Call): number => (call.operation === 'open' || call.operation === 'create' ? 1 : 0)
  return new InterceptedFs(below, {
    around: async (call, invoke) => {
      if (call.operation === 'close') handles.open--
      const result = await invoke().catch((error: unknown) => {
        if (call.operation === 'close') handles.failedCloses++
        throw error
      })
      handles.open += opens(call)
      return result
    },
    aroundSync: (call, invoke) => {
      if (call.operation === 'close') handles.open--
      const result = invoke()
      handles.open += opens(call)
      return result
    },
  })
}

/** The first cause. */
export function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

function same(a: Rows, b: Rows): boolean {
  return a.size === b.size && [...a].every(([id, text]) => b.get(id) === text)
}

function show(rows: Rows): string {
  return `{${[...rows].map(([id, text]) => `${id}: ${text.slice(0, 8)}`).join(', ')}}`
}
