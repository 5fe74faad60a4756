import {
  Alteration,
  type Column,
  type ColumnDef,
  type ColumnMode,
  type StructAlteration,
  t,
} from '@meru/core'
import type { Random } from './random.ts'
import type { AnyAlteration } from './random-schema.ts'
import { randomValue } from './random-values.ts'
import type { Row, Value } from './rows.ts'
import type { TableShape } from './table-shape.ts'

/** A change of a table's columns: the calls, what the table is after them, and what becomes of its rows. */
export interface TableChange {
  readonly apply: (alteration: AnyAlteration) => AnyAlteration
  readonly after: TableShape
  readonly project: (row: Row) => Row
}

/** One call. `defaults` are those of the shape after it. */
interface Step {
  readonly apply: TableChange['apply']
  readonly defaults: Row
  readonly project: TableChange['project']
}

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
const NEW_SCALARS: readonly (() => Column)[] = [
  () => t.int(),
  () => t.float(),
  () => t.decimal(9, 2),
  () => t.date(),
  () => t.string(),
  () => t.timestamptz(),
  () => t.binary(),
  () => t.boolean(),
]
const NEW_NESTED: readonly (() => Column)[] = [
  () => t.list(t.struct({ a: t.int(), b: t.string().nullable() })).nullable(),
  () => t.struct({ x: t.float(), y: t.string().nullable() }).nullable(),
  () => t.map(t.string(), t.int()).nullable(),
]
const KINDS = [
  'add',
  'add',
  'drop',
  'rename',
  'swap',
  'widen',
  'nullable',
  'default',
  'move',
  'within',
] as const

/** One to three changes made at once. */
export function randomTableChange(random: Random, shape: TableShape): TableChange {
  let change: TableChange = { apply: (a) => a, after: shape, project: (row) => row }
  for (let i = random.between(1, 3); i > 0; i--) {
    const before = change
    const step = oneStep(random, before.after)
    if (step === undefined) continue
    const apply = (a: AnyAlteration): AnyAlteration => step.apply(before.apply(a))
    change = {
      apply,
      after: { definition: definitionAfter(shape, apply), defaults: step.defaults },
      project: (row) => step.project(before.project(row)),
    }
  }
  return change
}

function definitionAfter({ definition }: TableShape, apply: TableChange['apply']): TableShape['definition'] {
  const alteration = new Alteration<never, never, never>(
    definition.name,
    definition.schema,
    definition.modes,
  ) as unknown as AnyAlteration
  return { ...definition, ...apply(alteration).finish() }
}

function oneStep(random: Random, shape: TableShape): Step | undefined {
  const { schema } = shape.definition
  const { defaults } = shape
  const values = schema.columns.filter(({ id }) => !schema.key.includes(id))
  const free = NAMES.filter((name) => schema.columns.every((column) => column.name !== name))
  const kind = random.pick(KINDS)
  if (kind === 'add') return free.length === 0 ? undefined : add(random, shape, random.pick(free))
  if (kind === 'rename') {
    return free.length === 0
      ? undefined
      : rename(shape, { [random.pick(schema.columns).name]: random.pick(free) })
  }
  if (values.length === 0) return undefined
  const column = random.pick(values)
  const { name } = column
  switch (kind) {
    case 'drop': {
      if (values.length < 3) return undefined
      return {
        apply: (a) => a.drop(name),
        defaults: without(defaults, name),
        project: (row) => without(row, name),
      }
    }
    case 'swap': {
      const other = random.pick(schema.columns).name
      return other === name ? undefined : rename(shape, { [name]: other, [other]: name })
    }
    case 'widen':
      return widen(shape, column)
    case 'nullable': {
      if (!column.required) return undefined
      const value = Object.hasOwn(defaults, name) ? defaults[name] : null
      return { apply: (a) => a.makeNullable(name), defaults: { ...defaults, [name]: value }, project: same }
    }
    case 'default': {
      const value = finiteValue(random, column, shape.definition.modes[name])
      return {
        apply: (a) => a.setDefault(name, value as never),
        defaults: { ...defaults, [name]: value },
        project: same,
      }
    }
    case 'move': {
      const place = random.pick(['first', 'last'] as const)
      return { apply: (a) => a.move(name, place), defaults, project: same }
    }
    case 'within':
      return within(
        random,
        shape,
        random.pick([column, ...values.filter(({ type }) => type.kind === 'struct')]),
      )
  }
}

const same = (row: Row): Row => row

function add(random: Random, { defaults }: TableShape, name: string): Step {
  const isNested = random.oneIn(4)
  const made = isNested ? random.pick(NEW_NESTED)() : random.pick(NEW_SCALARS)()
  const column = isNested || random.oneIn(2) ? made : made.nullable()
  if (column.isNullable && (isNested || random.oneIn(2))) return added(name, column, null, defaults)
  const value = finiteValue(random, { id: 0, name, type: column.type, required: true }, column.mode)
  return added(name, column.default(value), value, defaults)
}

/** Iceberg has no way to write a default that is not finite. */
function finiteValue(random: Random, column: ColumnDef, mode: ColumnMode | undefined): Value {
  const value = randomValue(random, column, mode)
  return typeof value === 'number' && !Number.isFinite(value) ? 0 : value
}

function added(name: string, column: Column, value: Value, defaults: Row): Step {
  return {
    apply: (a) => a.add(name, column),
    defaults: { ...defaults, [name]: value },
    project: (row) => ({ ...row, [name]: value }),
  }
}

function rename({ defaults }: TableShape, names: Readonly<Record<string, string>>): Step {
  const renamed = (row: Row): Row =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [Object.hasOwn(names, name) ? names[name] : name, value]),
    )
  return { apply: (a) => a.rename(names), defaults: renamed(defaults), project: renamed }
}

function without(row: Row, name: string): Row {
  return Object.fromEntries(Object.entries(row).filter(([other]) => other !== name))
}

/** The values of one column changed, where they are not null. */
function mapped(name: string, change: (value: Value) => Value): (row: Row) => Row {
  return (row) => {
    const value = row[name]
    return Object.hasOwn(row, name) && value !== null ? { ...row, [name]: change(value) } : row
  }
}

function widen({ defaults }: TableShape, { name, type }: ColumnDef): Step | undefined {
  const wider = (to: Column, change: (value: Value) => Value): Step => {
    const project = mapped(name, change)
    return { apply: (a) => a.widen(name, to), defaults: project(defaults), project }
  }
  switch (type.kind) {
    case 'int':
      return wider(t.long(), (value) => BigInt(value as number))
    case 'float':
      return wider(t.double(), (value) => value)
    case 'decimal':
      return type.precision > 30
        ? undefined
        : wider(t.decimal(type.precision + 6, type.scale), (value) => value)
    case 'date':
      return wider(t.timestamp(), (value) => new Date(`${value as string}T00:00:00Z`))
    default:
      return undefined
  }
}

type Struct = Readonly<Record<string, Value>>

/** A change of the fields of a struct: of the column, or of the elements of a list. */
function within(random: Random, { defaults }: TableShape, { name, type }: ColumnDef): Step | undefined {
  const struct = type.kind === 'list' ? type.element.type : type
  if (struct.kind !== 'struct') return undefined
  const made = (
    call: (s: StructAlteration<Record<string, unknown>, Record<string, unknown>>) => unknown,
    change: (struct: Struct) => Struct,
  ): Step => {
    const project = mapped(name, (value) =>
      Array.isArray(value)
        ? value.map((element: Struct | null) => (element === null ? null : change(element)))
        : change(value as Struct),
    )
    return { apply: (a) => a.within(name, (s) => call(s) as never), defaults: project(defaults), project }
  }
  const free = NAMES.find((candidate) => struct.fields.every((field) => field.name !== candidate))
  const field = random.pick(struct.fields)
  const kind = random.pick(['add', 'drop', 'rename', 'widen'] as const)
  if (kind === 'add' && free !== undefined) {
    return made(
      (s) => s.add(free, t.int().nullable()),
      (value) => ({ ...value, [free]: null }),
    )
  }
  if (kind === 'drop' && struct.fields.length > 1) {
    return made(
      (s) => s.drop(field.name),
      (value) => without(value, field.name),
    )
  }
  if (kind === 'rename' && free !== undefined) {
    return made(
      (s) => s.rename({ [field.name]: free }),
      ({ [field.name]: value, ...rest }) => ({ ...rest, [free]: value }),
    )
  }
  const change = kind === 'widen' ? widen({ defaults: {} } as never, field) : undefined
  if (change === undefined) return undefined
  const wide = field.type.kind === 'int' ? t.long() : field.type.kind === 'float' ? t.double() : undefined
  return wide && made((s) => s.widen(field.name, wide), change.project)
}
