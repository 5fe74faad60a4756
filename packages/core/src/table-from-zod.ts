import type { z } from 'zod'
import type { Column } from './column.ts'
import { t } from './columns.ts'
import { table, type KeyOf, type TableDefinition } from './table.ts'

type NullToOptional<T> = { [P in keyof T as null extends T[P] ? P : never]?: T[P] | undefined } & {
  [P in keyof T as null extends T[P] ? never : P]: T[P]
}
type Simplify<T> = { [P in keyof T]: T[P] } & {}

type Scalar = string | number | bigint | boolean | Date | Uint8Array | null

/** A value as it is read: with null for what may be absent, at any depth. */
type Stored<V> = V extends Scalar
  ? V
  : V extends undefined
    ? null
    : V extends readonly (infer E)[]
      ? Stored<E>[]
      : V extends Map<infer K, infer E>
        ? Map<K, Stored<E>>
        : string extends keyof V
          ? Record<string, Stored<V[keyof V]>>
          : { [P in keyof V]-?: Stored<V[P]> }
/** A value as it is written: what may be absent may also be null. */
type Written<V> = V extends Scalar
  ? V
  : V extends readonly (infer E)[]
    ? readonly Written<E>[]
    : V extends Map<infer K, infer E>
      ? ReadonlyMap<K, Written<E>>
      : string extends keyof V
        ? Readonly<Record<string, Written<V[keyof V]>>>
        : { [P in keyof V]: undefined extends V[P] ? Written<V[P]> | null : Written<V[P]> }

/** The rows of a table made from a zod object: its output type, with null for what may be absent. */
export type ZodRow<Z extends z.ZodObject, Overrides> = {
  [P in keyof z.output<Z>]-?: P extends keyof Overrides
    ? Overrides[P] extends Column<infer Value, infer Nullable>
      ? Nullable extends true
        ? Value | null
        : Value
      : never
    : Stored<z.output<Z>[P]>
}

/** The same as it is written. */
type ZodInsert<Z extends z.ZodObject, Overrides> = {
  [P in keyof z.output<Z>]-?: P extends keyof Overrides
    ? Overrides[P] extends Column<unknown, infer Nullable, boolean, infer Insert>
      ? Nullable extends true
        ? Insert | null
        : Insert
      : never
    : undefined extends z.output<Z>[P]
      ? Written<Exclude<z.output<Z>[P], undefined>> | null
      : Written<z.output<Z>[P]>
}

/**
 * Declares a table by a zod object. Only the types count: refinements such as `min` or `email` are not
 * checked on write, so parse rows first where they matter. `columns` overrides single columns; those that
 * have no counterpart (defaults, transforms, coercion, tuples, unions) throw a `TypeError` without one. Arrays, objects,
 * maps, and records with text keys become nested columns.
 */
export function tableFromZod<
  const Name extends string,
  Z extends z.ZodObject,
  const K extends readonly [keyof Z['shape'] & string, ...(keyof Z['shape'] & string)[]],
  Overrides extends { readonly [P in keyof Z['shape']]?: Column } = Record<never, never>,
>(
  name: Name,
  object: Z,
  options: { readonly key: K; readonly columns?: Overrides },
): TableDefinition<
  Name,
  Simplify<ZodRow<Z, Overrides>>,
  Simplify<NullToOptional<ZodInsert<Z, Overrides>>>,
  KeyOf<ZodRow<Z, Overrides>, K>
> {
  const overrides: Readonly<Record<string, Column | undefined>> = options.columns ?? {}
  for (const column of Object.keys(overrides)) {
    if (!Object.hasOwn(object.shape, column)) {
      throw new TypeError(`table "${name}": the override "${column}" is no property of the zod object`)
    }
  }
  const columns: Record<string, Column> = {}
  for (const [column, type] of Object.entries(object.shape)) {
    const override = Object.hasOwn(overrides, column) ? overrides[column] : undefined
    columns[column] = override ?? columnOf(type as z.core.$ZodTypes, { table: name, column, path: column })
  }
  return table(name, columns, { key: options.key }) as never
}

/** Where a type stands: in which column, and under which names in it. */
interface Place {
  readonly table: string
  readonly column: string
  readonly path: string
}

function columnOf(type: z.core.$ZodTypes, place: Place): Column {
  const def = type._zod.def
  switch (def.type) {
    case 'optional':
    case 'nullable':
      return columnOf(def.innerType as z.core.$ZodTypes, place).nullable()
    case 'readonly':
      return columnOf(def.innerType as z.core.$ZodTypes, place)
    case 'array':
    case 'object':
    case 'map':
    case 'record':
      return nestedColumn(def, place)
    case 'string':
      refuseCoercion(def, place)
      return stringColumn(formatsOf(def))
    case 'number':
      refuseCoercion(def, place)
      return numberColumn(formatsOf(def))
    case 'bigint':
      refuseCoercion(def, place)
      if (formatsOf(def).includes('uint64'))
        throw noColumn('uint64 exceeds a long', 't.decimal(20, 0)', place)
      return t.long()
    case 'boolean':
      refuseCoercion(def, place)
      return t.boolean()
    case 'date':
      refuseCoercion(def, place)
      return t.timestamptz()
    case 'enum':
      if (Object.values(def.entries).every((entry) => typeof entry === 'string')) return t.string()
      throw noColumn('an enum of numbers', 't.int()', place)
    case 'literal':
      if (def.values.every((value) => typeof value === 'string')) return t.string()
      throw noColumn('a literal that is no string', 't.int()', place)
    case 'custom':
      if ((type._zod.bag as { Class?: unknown }).Class === Uint8Array) return t.binary()
      throw noColumn('a custom check', 't.binary()', place)
    case 'default':
    case 'prefault':
      throw noColumn(
        'a default, which is not applied on write',
        'a column without one, and fill it in before',
        place,
      )
    default:
      throw noColumn(`a zod ${def.type}`, 'for instance t.string()', place)
  }
}

function nestedColumn(
  def: z.core.$ZodArrayDef | z.core.$ZodObjectDef | z.core.$ZodMapDef | z.core.$ZodRecordDef,
  place: Place,
): Column {
  const part = (name: string, type: z.core.$ZodType): Column =>
    columnOf(type as z.core.$ZodTypes, { ...place, path: `${place.path}.${name}` })
  switch (def.type) {
    case 'array':
      return t.list(part('element', def.element))
    case 'object':
      return t.struct(
        Object.fromEntries(Object.entries(def.shape).map(([name, type]) => [name, part(name, type)])),
      )
    case 'map':
      return t.map(part('key', def.keyType), part('value', def.valueType))
    case 'record': {
      const key = part('key', def.keyType)
      if ((def.keyType as z.core.$ZodTypes)._zod.def.type !== 'string' || key.type.kind !== 'string') {
        throw noColumn(
          'a record whose keys are not plain strings',
          't.map(t.string(), …) or t.struct({ … })',
          place,
        )
      }
      return t.map(key, part('value', def.valueType), { mode: 'object' })
    }
  }
}

function stringColumn(formats: readonly string[]): Column {
  if (formats.includes('uuid') || formats.includes('guid')) return t.uuid()
  return formats.includes('date') ? t.date() : t.string()
}

function numberColumn(formats: readonly string[]): Column {
  if (formats.includes('int32')) return t.int()
  if (formats.includes('safeint') || formats.includes('uint32')) return t.long({ mode: 'number' })
  return formats.includes('float32') ? t.float() : t.double()
}

/** The formats of a type and of the checks that were added to it. */
function formatsOf(def: {
  readonly format?: string
  readonly checks?: readonly z.core.$ZodCheck<never>[]
}): string[] {
  const formats = (def.checks ?? []).map((check) => (check._zod.def as { format?: string }).format)
  return [def.format, ...formats].filter((format) => format !== undefined)
}

function refuseCoercion(def: { readonly coerce?: boolean }, place: Place): void {
  if (def.coerce !== true) return
  throw noColumn('coercion, which is not applied on write', 'the type without coerce', place)
}

function noColumn(what: string, override: string, place: Place): TypeError {
  return new TypeError(
    `table "${place.table}", column "${place.path}": ${what} has no column type; ` +
      `give one as columns: { ${JSON.stringify(place.column)}: … } (${override})`,
  )
}
