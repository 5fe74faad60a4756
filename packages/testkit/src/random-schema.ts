import { type Alteration, type Column, type StructAlteration, t } from '@meru/core'
import type { Random } from './random.ts'

type Row = Record<string, unknown>
export type AnyAlteration = Alteration<Row, Row, unknown>

/** What a column holds, by the name of its builder. */
type Kind =
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'small'
  | 'large'
  | 'date'
  | 'timestamp'
  | 'nanos'
  | 'string'
  | 'structs'

/** A field of the structs in a column of lists. */
interface ModelField {
  readonly name: string
  readonly kind: 'int' | 'long' | 'string'
}

export interface ModelColumn {
  readonly name: string
  readonly kind: Kind
  readonly column: Column
  readonly isKey: boolean
  readonly isNullable: boolean
  /** What a row has that leaves it out; null of a nullable one without a default. Undefined: it must be given. */
  readonly fallback: unknown
  /** Of the structs that a column of kind `structs` has lists of. */
  readonly fields?: readonly ModelField[]
}

/** A change, what the columns are after it, and what it makes of a row. */
export interface Change {
  readonly columns: readonly ModelColumn[]
  readonly apply: (alteration: AnyAlteration) => AnyAlteration
  readonly project: (row: Row) => Row
}

const KINDS: readonly Kind[] = [
  'int',
  'long',
  'float',
  'double',
  'small',
  'large',
  'date',
  'timestamp',
  'string',
  'structs',
]
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
const WIDER: Readonly<Partial<Record<Kind, readonly Kind[]>>> = {
  int: ['long'],
  float: ['double'],
  small: ['large'],
  date: ['timestamp', 'nanos'],
}

const BUILDERS: Readonly<Record<Kind, () => Column>> = {
  int: () => t.int(),
  long: () => t.long(),
  float: () => t.float(),
  double: () => t.double(),
  small: () => t.decimal(9, 2),
  large: () => t.decimal(25, 2),
  date: () => t.date(),
  timestamp: () => t.timestamp(),
  nanos: () => t.timestampNs(),
  string: () => t.string(),
  structs: () => t.list(t.struct({ a: t.int(), b: t.string().nullable() })),
}

const FIRST_FIELDS: readonly ModelField[] = [
  { name: 'a', kind: 'int' },
  { name: 'b', kind: 'string' },
]

function valueOf(random: Random, kind: Kind, fields: readonly ModelField[] = FIRST_FIELDS): unknown {
  if (kind === 'structs') {
    return Array.from({ length: random.below(4) }, () =>
      Object.fromEntries(
        fields.map((field) => {
          // The first field is the only one that may not be null.
          const isNull = field.name !== 'a' && random.oneIn(3)
          return [field.name, isNull ? null : valueOf(random, field.kind)]
        }),
      ),
    )
  }
  const number = random.below(2000) - 1000
  switch (kind) {
    case 'int':
      return number
    case 'long':
      return BigInt(number) * 2n ** 33n
    case 'float':
      return Math.fround(number / 7)
    case 'double':
      return number / 7
    case 'small':
      return `${number}.25`
    case 'large':
      return `${number === 0 ? 1 : number}000000000000.75`
    case 'date':
      return new Date(number * 86_400_000).toISOString().slice(0, 10)
    case 'timestamp':
      return new Date(number * 3_600_001)
    case 'nanos':
      return BigInt(number) * 3_600_000_000_001n
    case 'string':
      return 'x'.repeat(random.below(30)) + String(number)
  }
}

function widened(from: Kind, to: Kind, value: unknown): unknown {
  if (value === null || value === undefined) return value
  if (from === 'int') return BigInt(value as number)
  if (to === 'timestamp') return new Date(`${value as string}T00:00:00Z`)
  if (to === 'nanos') return BigInt(Date.parse(value as string)) * 1_000_000n
  return value
}

function newColumn(random: Random, name: string, isFirst: boolean): ModelColumn {
  const kind = random.pick(KINDS)
  if (kind === 'structs') {
    // A nested column that is added has no value for rows that are there.
    const column = BUILDERS.structs().nullable()
    return { name, kind, column, isKey: false, isNullable: true, fallback: null, fields: FIRST_FIELDS }
  }
  const isNullable = random.oneIn(2)
  const hasDefault = isFirst ? random.oneIn(4) : !isNullable || random.oneIn(3)
  const typed = isNullable ? BUILDERS[kind]().nullable() : BUILDERS[kind]()
  const value = hasDefault ? valueOf(random, kind) : undefined
  const column = hasDefault ? typed.default(value) : typed
  const fallback = hasDefault ? value : isNullable ? null : undefined
  return { name, kind, column, isKey: false, isNullable, fallback }
}

export function firstColumns(random: Random): ModelColumn[] {
  const key: ModelColumn = {
    name: 'id',
    kind: 'int',
    column: t.int(),
    isKey: true,
    isNullable: false,
    fallback: undefined,
  }
  return [key, ...NAMES.slice(0, 4).map((name) => newColumn(random, name, true))]
}

/** A row as it is written, with some left out that may be, and as it is read. */
export function randomRow(
  random: Random,
  columns: readonly ModelColumn[],
  id: number,
): { id: number; written: Row; row: Row } {
  const written: Row = {}
  const row: Row = {}
  for (const { name, kind, isKey, isNullable, fallback, fields } of columns) {
    if (isKey) written[name] = row[name] = id
    else if (fallback !== undefined && random.oneIn(3)) row[name] = fallback
    else written[name] = row[name] = isNullable && random.oneIn(4) ? null : valueOf(random, kind, fields)
  }
  return { id, written, row }
}

/** One to three changes made at once. `datesStay`: no date becomes a moment, which not every reader follows. */
export function randomChange(
  random: Random,
  columns: readonly ModelColumn[],
  options: { readonly datesStay: boolean } = { datesStay: false },
): Change {
  let change: Change = { columns, apply: (a) => a, project: (row) => row }
  for (let i = random.between(1, 3); i > 0; i--) {
    const next = oneChange(random, change.columns)
    const dates = (each: readonly ModelColumn[]): number => each.filter(({ kind }) => kind === 'date').length
    const isWidened =
      next.columns.length === change.columns.length && dates(next.columns) < dates(change.columns)
    if (!options.datesStay || !isWidened) change = both(change, next)
  }
  return change
}

function both(first: Change, second: Change): Change {
  return {
    columns: second.columns,
    apply: (a) => second.apply(first.apply(a)),
    project: (row) => second.project(first.project(row)),
  }
}

function oneChange(random: Random, columns: readonly ModelColumn[]): Change {
  const unchanged: Change = { columns, apply: (a) => a, project: (row) => row }
  const values = columns.filter(({ isKey }) => !isKey)
  const free = NAMES.filter((name) => columns.every((column) => column.name !== name))
  const isEmpty = values.length === 0
  const kind = random.pick([
    'add',
    'drop',
    'rename',
    'swap',
    'move',
    'widen',
    'nullable',
    'default',
    'within',
  ] as const)
  if (kind === 'add')
    return free.length === 0 ? unchanged : add(columns, newColumn(random, random.pick(free), false))
  if (kind === 'rename') {
    return free.length === 0 ? unchanged : rename(columns, { [random.pick(columns).name]: random.pick(free) })
  }
  if (isEmpty) return unchanged
  const column = random.pick(values)
  if (kind === 'drop') return values.length < 2 ? unchanged : drop(columns, column)
  if (kind === 'swap') {
    const other = random.pick(columns)
    return other === column
      ? unchanged
      : rename(columns, { [column.name]: other.name, [other.name]: column.name })
  }
  if (kind === 'move')
    return { ...unchanged, apply: (a) => a.move(column.name, random.pick(['first', 'last'])) }
  if (kind === 'widen') {
    const wider = WIDER[column.kind]
    return wider === undefined ? unchanged : widen(columns, column, random.pick(wider))
  }
  if (kind === 'within') {
    const holder = values.find(({ fields }) => fields !== undefined)
    return holder === undefined ? unchanged : within(random, columns, holder)
  }
  if (kind === 'nullable') return column.isNullable ? unchanged : makeNullable(columns, column)
  const value = valueOf(random, column.kind, column.fields)
  return {
    columns: replaced(columns, column, { ...column, fallback: value }),
    apply: (a) => a.setDefault(column.name, value as never),
    project: (row) => row,
  }
}

function add(columns: readonly ModelColumn[], column: ModelColumn): Change {
  return {
    columns: [...columns, column],
    apply: (a) => a.add(column.name, column.column),
    project: (row) => ({ ...row, [column.name]: column.fallback }),
  }
}

function drop(columns: readonly ModelColumn[], { name }: ModelColumn): Change {
  return {
    columns: columns.filter((column) => column.name !== name),
    apply: (a) => a.drop(name),
    project: ({ [name]: _gone, ...row }) => row,
  }
}

function rename(columns: readonly ModelColumn[], names: Readonly<Record<string, string>>): Change {
  const nameOf = (name: string): string => (Object.hasOwn(names, name) ? names[name] : name)
  return {
    columns: columns.map((column) => ({ ...column, name: nameOf(column.name) })),
    apply: (a) => a.rename(names),
    project: (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [nameOf(name), value])),
  }
}

function widen(columns: readonly ModelColumn[], column: ModelColumn, to: Kind): Change {
  const { name, kind, fallback } = column
  return {
    columns: replaced(columns, column, { ...column, kind: to, fallback: widened(kind, to, fallback) }),
    apply: (a) => a.widen(name, BUILDERS[to]()),
    project: (row) => ({ ...row, [name]: widened(kind, to, row[name]) }),
  }
}

type Struct = Readonly<Record<string, unknown>>

/** A change of the structs in a column of lists. */
function within(random: Random, columns: readonly ModelColumn[], column: ModelColumn): Change {
  const { name, fields = [], fallback } = column
  const made = (
    next: readonly ModelField[],
    step: StructStep,
    project: (struct: Struct) => Struct,
  ): Change => {
    const all = (value: unknown): unknown =>
      Array.isArray(value) ? value.map((struct: Struct) => project(struct)) : value
    return {
      columns: replaced(columns, column, { ...column, fields: next, fallback: all(fallback) }),
      apply: (a) => a.within(name, (s) => step(s) as never),
      project: (row) => ({ ...row, [name]: all(row[name]) }),
    }
  }
  const free = NAMES.find((candidate) => fields.every((field) => field.name !== candidate))
  const field = random.pick(fields)
  const others = fields.filter((other) => other !== field)
  const kind = random.pick(['add', 'drop', 'rename', 'widen', 'move'] as const)
  if (kind === 'add' && free !== undefined) {
    return made(
      [...fields, { name: free, kind: 'string' }],
      (s) => s.add(free, t.string().nullable()),
      (struct) => ({ ...struct, [free]: null }),
    )
  }
  if (kind === 'drop' && field.name !== 'a') {
    return made(
      others,
      (s) => s.drop(field.name),
      ({ [field.name]: _gone, ...struct }) => struct,
    )
  }
  if (kind === 'rename' && field.name !== 'a' && free !== undefined) {
    return made(
      [...others, { ...field, name: free }],
      (s) => s.rename({ [field.name]: free }),
      ({ [field.name]: value, ...struct }) => ({ ...struct, [free]: value }),
    )
  }
  if (kind === 'widen' && field.kind === 'int') {
    return made(
      [...others, { ...field, kind: 'long' }],
      (s) => s.widen(field.name, t.long()),
      (struct) => ({ ...struct, [field.name]: widened('int', 'long', struct[field.name]) }),
    )
  }
  return made(
    fields,
    (s) => s.move(field.name, random.pick(['first', 'last'])),
    (struct) => struct,
  )
}

type StructStep = (struct: StructAlteration<Row, Row>) => unknown

function makeNullable(columns: readonly ModelColumn[], column: ModelColumn): Change {
  const fallback = column.fallback === undefined ? null : column.fallback
  return {
    columns: replaced(columns, column, { ...column, isNullable: true, fallback }),
    apply: (a) => a.makeNullable(column.name),
    project: (row) => row,
  }
}

function replaced(columns: readonly ModelColumn[], old: ModelColumn, column: ModelColumn): ModelColumn[] {
  return columns.map((other) => (other === old ? column : other))
}
