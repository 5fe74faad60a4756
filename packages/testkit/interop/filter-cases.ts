import { t, table, type TableDefinition } from '@meru/core'
import {
  bytesScale,
  compareProbes,
  floatScale,
  textScale,
  uuidScale,
  wholeScale,
  type Probe,
  type Scale,
} from './filter-values.ts'

/** Files with values, and rows in each. One more file has none but the key, and NaN. */
const FILES = 5
const ROWS = 8
const COUNT = FILES * ROWS

export type FilterOperator =
  | 'eq'
  | 'ne'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'in'
  | 'isNull'
  | 'notNull'
  | 'isNan'
  | 'prefix'

/** A condition on one column of the table, and the keys of the rows that meet it. */
export interface FilterCase {
  readonly column: string
  /** Of the column, as Iceberg names it. */
  readonly type: string
  readonly operator: FilterOperator
  /** One, but for `in`. */
  readonly probes: readonly Probe[]
  readonly ids: readonly number[]
}

type Row = Readonly<Record<string, unknown>> & { readonly id: number }

export interface FilterTable {
  readonly definition: TableDefinition
  /** Rows of each file, to be written in this order. */
  readonly files: readonly (readonly Row[])[]
  /** Keys to be deleted once all files are there. */
  readonly deleted: readonly number[]
  readonly cases: readonly FilterCase[]
}

const DAY = 86_400_000
const DAYS = { min: -719_162n, max: 2_932_896n, count: COUNT }
const MICROS = { min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n, count: COUNT }

const whole = (bits: bigint, valueOf: (value: bigint) => unknown): Scale =>
  wholeScale({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n, count: COUNT }, (value) => ({
    value: valueOf(value),
    text: String(value),
  }))

function decimals(precision: number, scale: number): Scale {
  const max = 10n ** BigInt(precision) - 1n
  return wholeScale({ min: -max, max, count: COUNT }, (unscaled) => {
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
    const text = `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
    return { value: text, text }
  })
}

function days(): Scale {
  return wholeScale(DAYS, (day) => {
    const text = new Date(Number(day) * DAY).toISOString().slice(0, 10)
    return { value: text, text }
  })
}

const same = (value: bigint): Omit<Probe, 'order'> => ({ value, text: String(value) })
const asNumber = (value: bigint): Omit<Probe, 'order'> => ({ value: Number(value), text: String(value) })
const FLAGS: readonly Probe[] = [false, true].map((value) => ({
  value,
  text: String(value),
  order: Number(value),
}))

/** How a column is compared. `equality`: implementations have no order in common, or the type has none. */
interface FilterColumn {
  readonly type: string
  readonly scale: Scale
  readonly orders: 'all' | 'equality'
  /** Holds NaN in the file without values. */
  readonly hasNan: boolean
}

const column = (type: string, scale: Scale, more: Partial<FilterColumn> = {}): FilterColumn => ({
  type,
  scale,
  orders: 'all',
  hasNan: false,
  ...more,
})

const COLUMNS: Readonly<Record<string, FilterColumn>> = {
  flag: column('boolean', { values: FLAGS, neighbours: () => [] }, { orders: 'equality' }),
  count: column('int', whole(32n, Number)),
  big: column(
    'long',
    whole(64n, (value) => value),
  ),
  ratio: column('float', floatScale(4), { hasNan: true }),
  price: column('double', floatScale(8), { hasNan: true }),
  small: column('decimal(9, 2)', decimals(9, 2)),
  medium: column('decimal(18, 4)', decimals(18, 4)),
  large: column('decimal(38, 10)', decimals(38, 10)),
  day: column('date', days()),
  moment: column('time', wholeScale({ min: 0n, max: 86_399_999_999n, count: COUNT }, asNumber)),
  local: column('timestamp', wholeScale(MICROS, same)),
  instant: column('timestamptz', wholeScale(MICROS, same)),
  note: column('string', textScale(COUNT)),
  token: column('uuid', uuidScale(COUNT), { orders: 'equality' }),
  digest: column('fixed[4]', bytesScale(COUNT, 4)),
  payload: column('binary', bytesScale(COUNT)),
}

const BANDS: TableDefinition = table(
  'bands',
  {
    id: t.int(),
    flag: t.boolean().nullable(),
    count: t.int().nullable(),
    big: t.long().nullable(),
    ratio: t.float().nullable(),
    price: t.double().nullable(),
    small: t.decimal(9, 2).nullable(),
    medium: t.decimal(18, 4).nullable(),
    large: t.decimal(38, 10).nullable(),
    day: t.date().nullable(),
    moment: t.time().nullable(),
    local: t.timestamp({ mode: 'bigint' }).nullable(),
    instant: t.timestamptz({ mode: 'bigint' }).nullable(),
    note: t.string().nullable(),
    token: t.uuid().nullable(),
    digest: t.fixed(4).nullable(),
    payload: t.binary().nullable(),
  },
  { key: ['id'] },
)

/**
 * A table whose files hold the values of every column in bands, from the least of its type to the greatest, and every
 * comparison with the bounds of every file and with their neighbours.
 */
export function filterTable(): FilterTable {
  const files: Row[][] = []
  for (let file = 0; file < FILES; file++) {
    files.push(Array.from({ length: ROWS }, (_, i) => rowOf(file, i)))
  }
  files.push(Array.from({ length: ROWS }, (_, i) => emptyRow(FILES * 10 + i, i % 2 === 0)))
  // The row with the least values of a file among them: bounds are of dead rows too.
  const deleted = [3, 20, 34]
  const rows = files.flat()
  const cases = Object.entries(COLUMNS).flatMap(([name, each]) => casesOf(name, each, { rows, deleted }))
  return { definition: BANDS, files, deleted, cases }
}

/** Row 2 of each file has nulls. The greatest values of a file are not in its last row. */
function rowOf(file: number, i: number): Row {
  const id = file * 10 + i
  if (i === 2) return emptyRow(id, false)
  const row: Record<string, unknown> & { id: number } = { id }
  for (const [name, { scale }] of Object.entries(COLUMNS)) {
    const { values } = scale
    const first = Math.floor((file * values.length) / FILES)
    const end = Math.floor(((file + 1) * values.length) / FILES)
    row[name] = values[first + (((i * 3) % ROWS) % Math.max(end - first, 1))]?.value ?? null
  }
  return row
}

function emptyRow(id: number, isNan: boolean): Row {
  const value = (hasNan: boolean): unknown => (hasNan && isNan ? NaN : null)
  return Object.assign(
    { id },
    ...Object.entries(COLUMNS).map(([name, { hasNan }]) => ({ [name]: value(hasNan) })),
  ) as Row
}

const TESTS: Readonly<Record<'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte', (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
}

function casesOf(
  name: string,
  { type, scale, orders, hasNan }: FilterColumn,
  { rows, deleted }: { readonly rows: readonly Row[]; readonly deleted: readonly number[] },
): FilterCase[] {
  const probeOf = new Map(scale.values.map((probe) => [probe.value, probe]))
  const nan: Probe = { value: NaN, text: 'NaN', order: NaN }
  const stored = rows.flatMap((row) => {
    const probe = Number.isNaN(row[name]) ? nan : probeOf.get(row[name])
    return probe === undefined ? [] : [{ id: row.id, file: Math.floor(row.id / 10), probe }]
  })
  const held = stored.filter(({ id }) => !deleted.includes(id))
  const meeting = (test: (probe: Probe) => boolean): number[] =>
    held.filter(({ probe }) => test(probe)).map(({ id }) => id)
  const cases: FilterCase[] = []
  const add = (operator: FilterOperator, probes: readonly Probe[], ids: readonly number[]): void => {
    cases.push({ column: name, type, operator, probes, ids })
  }
  const present = new Set(held.map(({ id }) => id))
  const absent = rows.filter(({ id }) => !present.has(id) && !deleted.includes(id))
  add(
    'isNull',
    [],
    absent.map(({ id }) => id),
  )
  add('notNull', [], [...present])
  if (hasNan)
    add(
      'isNan',
      [],
      meeting((probe) => probe === nan),
    )
  for (const probe of probesOf(scale, stored)) {
    for (const [operator, holds] of Object.entries(TESTS)) {
      if (orders === 'equality' && operator !== 'eq' && operator !== 'ne') continue
      add(
        operator as FilterOperator,
        [probe],
        meeting((other) => holds(compareProbes(other, probe))),
      )
    }
    const others = [probe, ...scale.neighbours(probe)]
    add(
      'in',
      others,
      meeting((other) => others.some((each) => compareProbes(other, each) === 0)),
    )
    if (type === 'string')
      add(
        'prefix',
        [probe],
        meeting(({ text }) => text.startsWith(probe.text)),
      )
  }
  return cases
}

/** The least and the greatest value of each file, and what is next to them. */
function probesOf(
  scale: Scale,
  stored: readonly { readonly file: number; readonly probe: Probe }[],
): readonly Probe[] {
  const found = new Map<string, Probe>()
  for (let file = 0; file < FILES; file++) {
    const sorted = stored
      .filter((each) => each.file === file)
      .map(({ probe }) => probe)
      .sort(compareProbes)
    for (const bound of [sorted.at(0), sorted.at(-1)]) {
      if (bound === undefined) continue
      for (const probe of [bound, ...scale.neighbours(bound)]) found.set(probe.text, probe)
    }
  }
  return [...found.values()]
}
