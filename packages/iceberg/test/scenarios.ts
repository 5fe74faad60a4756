import type { ColumnType, TableSchema } from '@meru/core'
import { Alteration, t, table } from '@meru/core'
import { NodeFs, type FileSystem } from '@meru/fs'
import { Random, RandomRows, TestEnvironment } from '@meru/testkit'
import { exportIceberg, type FormatVersion } from '../src/index.ts'
import { ALL_TYPES, randomKey, randomRow } from './all-types.ts'
import { expectSound, optionsFor } from './sample-export.ts'
import { SampleTable, type Row } from './sample-table.ts'
import { textRows, type TextRow } from '@meru/testkit/interop'

/** A table on disk with several snapshots, and what readers must make of each. */
export interface Scenario {
  readonly name: string
  readonly fs: FileSystem
  /** Relative to the root. */
  readonly directory: string
  readonly snapshots: readonly ShownSnapshot[]
}

export interface ShownSnapshot {
  readonly id: number
  readonly schema: TableSchema
  readonly rows: readonly TextRow[]
}

class ScenarioBuilder {
  readonly env: TestEnvironment = new TestEnvironment()
  readonly table: SampleTable
  readonly #shown: Map<number, ShownSnapshot> = new Map()
  readonly #formatVersion: FormatVersion

  constructor(table: SampleTable, formatVersion: FormatVersion) {
    this.table = table
    this.#formatVersion = formatVersion
  }

  async export(): Promise<void> {
    const { table } = this
    const { snapshotId: id } = await exportIceberg(
      optionsFor(table, this.env, { snapshotsKept: 20, formatVersion: this.#formatVersion }),
    )
    await expectSound(table.fs, table.directory)
    if (this.#shown.has(id)) return
    this.#shown.set(id, { id, schema: table.schema, rows: textRows(table.schema, table.rows) })
  }

  finish(name: string): Scenario {
    const { fs, directory } = this.table
    return {
      name: `${name}, version ${this.#formatVersion}`,
      fs,
      directory,
      snapshots: [...this.#shown.values()],
    }
  }
}

/** Where the tables are made, and in which version they are published. */
export interface ScenarioPlace {
  readonly root: string
  readonly formatVersion: FormatVersion
}

async function begin(
  place: ScenarioPlace,
  definition: { name: string; schema: TableSchema },
): Promise<ScenarioBuilder> {
  const env = new TestEnvironment()
  const table = await SampleTable.create(new NodeFs(place.root), env, definition)
  return new ScenarioBuilder(table, place.formatVersion)
}

/** Every type with its odd values, through flushes, deletes and compactions. */
async function allTypes(place: ScenarioPlace): Promise<Scenario> {
  const build = await begin(place, ALL_TYPES)
  const random = new Random('all types')
  const { table } = build
  for (let round = 0; round < 5; round++) {
    const rows = Array.from({ length: 60 }, () => randomRow(random))
    const keys = Array.from({ length: 10 }, () => randomKey(random))
    await table.flush(rows, keys)
    if (round === 3) await table.compact(table.files.slice(1).map((file) => file.id))
    await build.export()
  }
  return build.finish('all types')
}

const PEOPLE = table(
  'people',
  {
    id: t.int(),
    name: t.string().nullable(),
    score: t.float().nullable(),
    balance: t.decimal(9, 2).nullable(),
    nick: t.string().nullable(),
  },
  { key: ['id'] },
)

type Evolution = (columns: TableSchema['columns']) => TableSchema['columns']

function widen(name: string, type: ColumnType): Evolution {
  return (columns) => columns.map((column) => (column.name === name ? { ...column, type } : column))
}

function rename(from: string, to: string): Evolution {
  return (columns) => columns.map((column) => (column.name === from ? { ...column, name: to } : column))
}

function drop(name: string): Evolution {
  return (columns) => columns.filter((column) => column.name !== name)
}

function add(name: string, type: ColumnType): Evolution {
  return (columns) => {
    const id = 100 + columns.length
    return [...columns, { id, name, type, required: false }]
  }
}

/** Files of every schema at once: widened, renamed, dropped, added, and added anew under an old name. */
async function evolution(place: ScenarioPlace): Promise<Scenario> {
  const build = await begin(place, PEOPLE)
  const { table } = build
  const people = (from: number, extra: (id: number) => Row): Row[] =>
    Array.from({ length: 20 }, (_, i) => ({ id: from + i, ...extra(from + i) }))
  const evolve = (change: Evolution): void =>
    table.evolve((schema) => {
      const columns = change(schema.columns)
      return {
        ...schema,
        columns,
        lastColumnId: Math.max(schema.lastColumnId, ...columns.map(({ id }) => id)),
      }
    })
  await table.flush(
    people(0, (id) => ({ name: `n${id}`, score: id / 2, balance: `${id}.50`, nick: `k${id}` })),
  )
  await build.export()
  evolve(widen('score', { kind: 'double' }))
  evolve(widen('balance', { kind: 'decimal', precision: 20, scale: 2 }))
  evolve(widen('id', { kind: 'long' }))
  table.rewriteRows(({ id, ...rest }) => ({ id: BigInt(id as number), ...rest }))
  const wide = (from: number, extra: (id: number) => Row): Row[] =>
    people(from, extra).map(({ id, ...rest }) => ({ id: BigInt(id as number), ...rest }))
  await table.flush(wide(15, (id) => ({ name: 'w', score: 1e300, balance: `${10 ** 14 + id}.25` })))
  await build.export()
  evolve(rename('name', 'title'))
  table.rewriteRows(({ name, ...rest }) => ({ title: name, ...rest }))
  evolve(drop('nick'))
  table.rewriteRows(({ nick: _nick, ...rest }) => rest)
  evolve(add('nick', { kind: 'long' }))
  evolve(add('born', { kind: 'date' }))
  await table.flush(
    wide(40, (id) => ({ title: 't', nick: BigInt(id), born: '2000-01-01' })),
    [{ id: 3n }],
  )
  await build.export()
  return build.finish('schema evolution')
}

const ORDERS = table(
  'orders',
  {
    id: t.int(),
    tags: t.list(t.string().nullable()).nullable(),
    home: t
      .struct({ street: t.string(), zip: t.int().nullable(), far: t.struct({ lat: t.double() }).nullable() })
      .nullable(),
    counts: t.map(t.string(), t.long().nullable()),
    lines: t.list(t.struct({ sku: t.string(), n: t.int(), days: t.list(t.date()).nullable() })),
    last: t.string(),
  },
  { key: ['id'] },
)

/** Lists, structs and maps, and changes within them; files of every schema at once. */
async function nested(place: ScenarioPlace): Promise<Scenario> {
  const build = await begin(place, ORDERS)
  const { table: orders } = build
  const random = new Random('nested')
  const rows = (from: number, count: number): Row[] => {
    const source = new RandomRows({ ...ORDERS, schema: orders.schema }, random)
    return Array.from({ length: count }, (_, i) => {
      const row: Record<string, unknown> = { ...source.row(), id: from + i }
      return Object.fromEntries(orders.schema.columns.map(({ name }) => [name, row[name] ?? null]))
    })
  }
  await orders.flush(rows(0, 60))
  await build.export()
  await orders.flush(rows(40, 30), [{ id: 3 }, { id: 50 }])
  await build.export()
  const { schema } = new Alteration<Row, Row, unknown>(ORDERS.name, orders.schema, {})
    .within('home', (s) => s.rename({ street: 'road' }).drop('zip').add('zip', t.string().nullable()))
    .within('lines', (s) =>
      s.widen('n', t.long()).add('note', t.map(t.string(), t.int()).nullable()).move('days', 'first'),
    )
    .add('more', t.list(t.list(t.int())).nullable())
    .finish()
  orders.evolve(() => schema)
  orders.rewriteRows(({ home, lines, ...row }) => {
    const { street, far } = (home ?? {}) as Row
    const later = (lines as Row[]).map(({ days, n, sku }) => ({
      days,
      sku,
      n: BigInt(n as number),
      note: null,
    }))
    return { ...row, home: home && { road: street, far, zip: null }, lines: later, more: null }
  })
  await orders.flush(rows(55, 30), [{ id: 7 }])
  await build.export()
  await orders.compact(orders.files.slice(1).map((file) => file.id))
  await build.export()
  return build.finish('nested columns')
}

const EVENTS = table('events', { id: t.int(), kind: t.string() }, { key: ['id'] })

/** Deletes at the edges: of row groups, beyond 65,536, the last row, nearly all, a whole file, everything. */
async function deletes(place: ScenarioPlace): Promise<Scenario> {
  const build = await begin(place, EVENTS)
  const { table } = build
  const ids = (from: number, to: number, step = 1): Row[] =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => ({ id: from + i * step }))
  const events = (from: number, to: number): Row[] =>
    ids(from, to).map(({ id }) => ({ id, kind: `k${Number(id) % 7}` }))
  await table.flush(events(0, 70_000))
  await table.flush(events(70_000, 70_100))
  const most = ids(100, 69_000).filter(({ id }) => Number(id) % 50 > 0)
  await table.flush([], [...ids(0, 64), ...ids(65_530, 65_545), { id: 69_999 }, ...most])
  await table.flush([], ids(70_000, 70_099))
  await build.export()
  await table.flush(events(10, 20), [...ids(20, 65_000), { id: 70_099 }])
  await build.export()
  await table.flush([], ids(0, 70_000))
  await build.export()
  await table.flush(events(5, 9))
  await build.export()
  return build.finish('deletes')
}

/** No row ever. */
async function empty(place: ScenarioPlace): Promise<Scenario> {
  const build = await begin(place, { ...EVENTS, name: 'nothing' })
  await build.export()
  return build.finish('empty table')
}

export async function makeScenarios(place: ScenarioPlace): Promise<Scenario[]> {
  const scenarios = [allTypes, evolution, nested, deletes, empty]
  const made: Scenario[] = []
  for (const scenario of scenarios) made.push(await scenario(place))
  return made
}
