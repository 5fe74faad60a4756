import { inspect, isDeepStrictEqual } from 'node:util'
import { CRASH_MODES, MemoryFs } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import {
  firstColumns,
  type ModelColumn,
  Random,
  randomChange,
  randomRow,
  seedsFromEnvironment,
  TestEnvironment,
} from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import {
  type Database,
  type MeruError,
  open,
  type Settings,
  type Snapshot,
  type Table,
  table,
} from '../src/index.ts'
import { TINY } from './fixture.ts'
import { probeOf } from './session.ts'

const SETTINGS: readonly Partial<Settings>[] = [
  TINY,
  { ...TINY, memtableBytesMax: 1024, pageCacheBytes: 0, manifestEditsPerState: 1 },
  { ...TINY, autoCompaction: false, groupBytesMax: 1 },
]
const IDS = 60

type Row = Record<string, unknown>
type AnyTable = Table<Row, Row>
type Rows = ReadonlyMap<number, Row>

/** The table at one moment: how it looked, what it held, and the handle that reads it so. */
interface Kept {
  readonly snapshot: Snapshot
  readonly handle: AnyTable
  readonly rows: Rows
}

/** A table that is written, read, changed, flushed, merged, exported, closed and cut off at random, and what it must hold. */
class History {
  private readonly tools: {
    readonly random: Random
    readonly env: TestEnvironment
    readonly settings: Partial<Settings>
  }
  private readonly disk: { fs: MemoryFs; db: Database | undefined; lives: number } = {
    fs: new MemoryFs(),
    db: undefined,
    lives: 0,
  }
  private handle!: AnyTable
  private columns: readonly ModelColumn[]
  /** What the table held after each write since the last one that was durable. */
  private states: Rows[] = [new Map()]
  private readonly kept: Kept[] = []

  constructor(seed: number) {
    const settings = SETTINGS[seed % SETTINGS.length]
    this.tools = { random: new Random(seed), env: new TestEnvironment({ seed }), settings }
    this.columns = firstColumns(this.tools.random)
  }

  async run(operations: number): Promise<void> {
    await this.open()
    for (let i = 0; i < operations; i++) await this.tools.env.until(this.step())
    await this.tools.env.until(this.check())
    this.letGo()
    await this.tools.env.until(this.db.close())
  }

  private get db(): Database {
    return this.disk.db as Database
  }

  private get rows(): Rows {
    return this.states.at(-1) as Rows
  }

  private async open(): Promise<void> {
    const components = { fs: this.disk.fs, env: this.tools.env, probe: probeOf(++this.disk.lives) }
    this.disk.db = await this.tools.env.until(open('memory', { settings: this.tools.settings, components }))
    const stored = await this.db.storedTable('changing')
    if (stored !== undefined) this.handle = stored
    else {
      const columns = Object.fromEntries(this.columns.map(({ name, column }) => [name, column]))
      const definition = table('changing', columns, { key: ['id'] })
      this.handle = await this.tools.env.until(this.db.table(definition))
    }
  }

  private async step(): Promise<void> {
    const kind = this.tools.random.weighted([
      [30, 'put'],
      [10, 'delete'],
      [20, 'read'],
      [5, 'alter'],
      [3, 'flush'],
      [1, 'compact'],
      [1, 'export'],
      [3, 'snapshot'],
      [1, 'reopen'],
      [1, 'crash'],
    ] as const)
    switch (kind) {
      case 'put':
        return this.put()
      case 'delete':
        return this.remove()
      case 'read':
        return this.read()
      case 'alter':
        return this.alter()
      case 'flush':
        return this.handle.flush()
      case 'compact':
        await this.handle.compact()
        return mustEqual(this.handle.stats().deadRows, 0)
      case 'export':
        return this.export()
      case 'snapshot':
        return this.keep()
      case 'reopen':
        this.letGo()
        await this.db.close()
        this.states = [this.rows]
        return this.open()
      case 'crash':
        return this.crash()
    }
  }

  private async put(): Promise<void> {
    const added = Array.from({ length: this.tools.random.between(1, 6) }, () =>
      randomRow(this.tools.random, this.columns, this.tools.random.below(IDS)),
    )
    const isDurable = this.tools.random.oneIn(2)
    await this.handle.putMany(
      added.map(({ written }) => written),
      { durability: isDurable ? 'durable' : 'buffered' },
    )
    const read = added.map(({ id, row }) => [id, row] as const)
    this.wrote(new Map([...this.rows, ...read]), isDurable)
  }

  private async remove(): Promise<void> {
    const id = this.tools.random.below(IDS)
    await this.handle.delete(id)
    this.wrote(new Map([...this.rows].filter(([other]) => other !== id)), true)
  }

  private wrote(rows: Rows, isDurable: boolean): void {
    this.states = isDurable ? [rows] : [...this.states, rows]
  }

  private async alter(): Promise<void> {
    const before = this.handle
    const { columns, apply, project } = randomChange(this.tools.random, this.columns)
    this.handle = await this.handle.alter((a) => apply(a))
    if (this.handle === before) return
    this.columns = columns
    this.states = [new Map([...this.rows].map(([id, row]) => [id, project(row)]))]
    const refusal: unknown = await before.get(1).catch((error: unknown) => error)
    mustEqual((refusal as Partial<MeruError>).code, 'INVALID')
  }

  private async read(): Promise<void> {
    const past =
      this.tools.random.oneIn(3) && this.kept.length > 0 ? this.tools.random.pick(this.kept) : undefined
    const { handle, rows } = past ?? { handle: this.handle, rows: this.rows }
    const options = past === undefined ? {} : { snapshot: past.snapshot }
    const id = this.tools.random.below(IDS)
    mustEqual(await handle.get(id, options), rows.get(id))
    mustEqual(handle.getSync(id, options), rows.get(id))
    const [gte, lt] = [this.tools.random.below(IDS), this.tools.random.below(IDS)]
    const reverse = this.tools.random.oneIn(3)
    const names = handle.schema.columns.map(({ name }) => name).filter(() => this.tools.random.oneIn(2))
    const select = names.length === 0 ? undefined : names
    const found = await handle.scan({ gte, lt, reverse, select, ...options } as never).toArray()
    const expected = listOf(rows).filter((row) => keyOf(row, handle) >= gte && keyOf(row, handle) < lt)
    if (reverse) expected.reverse()
    mustEqual(
      found,
      expected.map((row) => selected(row, select)),
    )
    mustEqual(await handle.count(options), rows.size)
  }

  private keep(): void {
    if (this.kept.length < 4) {
      this.kept.push({ snapshot: this.db.snapshot(), handle: this.handle, rows: this.rows })
    } else this.kept.splice(this.tools.random.below(4), 1)[0].snapshot.close()
  }

  private letGo(): void {
    for (const { snapshot } of this.kept.splice(0)) snapshot.close()
  }

  private async export(): Promise<void> {
    const { liveRows } = await this.handle.exportIceberg({ formatVersion: 3 })
    mustEqual(liveRows, this.rows.size)
    const { violations } = await checkTable(this.disk.fs, 'tables/changing')
    mustEqual(violations, [])
  }

  private async crash(): Promise<void> {
    this.kept.length = 0
    const mode = this.tools.random.pick([...CRASH_MODES, 'kill'] as const)
    this.disk.fs =
      mode === 'kill'
        ? this.disk.fs.kill()
        : this.disk.fs.crash(mode, (bound) => this.tools.random.below(bound))
    await this.open()
    const found = await this.handle.scan().toArray()
    const state = this.states.findLast((rows) => sameRows(listOf(rows), found))
    mustEqual(state ?? { found, expected: this.states.map(listOf) }, state)
    this.states = [state as Rows]
  }

  private async check(): Promise<void> {
    mustEqual(await this.handle.scan().toArray(), listOf(this.rows))
    for (const { handle, rows, snapshot } of this.kept) {
      mustEqual(await handle.scan({ snapshot }).toArray(), listOf(rows))
    }
  }
}

function listOf(rows: Rows): Row[] {
  return [...rows].toSorted(([a], [b]) => a - b).map(([, row]) => row)
}

function keyOf(row: Row, { schema }: AnyTable): number {
  const key = schema.columns.find(({ id }) => id === schema.key[0])
  return row[key?.name ?? ''] as number
}

function selected(row: Row, names: readonly string[] | undefined): Row {
  return names === undefined ? row : Object.fromEntries(names.map((name) => [name, row[name]]))
}

function sameRows(a: readonly Row[], b: readonly Row[]): boolean {
  return isDeepStrictEqual(a, b)
}

function mustEqual(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`found ${inspect(found, SHOWN)}\nexpected ${inspect(expected, SHOWN)}`)
  }
}

const SHOWN = { depth: 5, maxArrayLength: 200 }

const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 40, operations: 250 })

describe('a table that changes amid everything else', () => {
  test.each([...seeds])('holds what it must (seed %i)', { timeout: 120_000 }, async (seed) => {
    await expect(new History(seed).run(Math.min(operations, 250))).resolves.toBeUndefined()
  })
})
