import type { z } from 'zod'
import { t, type Column } from './columns.ts'
import { table, type KeyOf, type TableDefinition } from './table.ts'

type NullToOptional<T> = { [P in keyof T as null extends T[P] ? P : never]?: T[P] | undefined } & {
  [P in keyof T as null extends T[P] ? never : P]: T[P]
}
type Simplify<T> = { [P in keyof T]: T[P] } & {}

/** The rows of a table made from a zod object: its output type, with null for what may be absent. */
export type ZodRow<Z extends z.ZodObject, Overrides> = {
  [P in keyof z.output<Z>]-?: P extends keyof Overrides
    ? Overrides[P] extends Column<infer Value, infer Nullable>
      ? Nullable extends true
        ? Value | null
        : Value
      : never
    : undefined extends z.output<Z>[P]
      ? Exclude<z.output<Z>[P], undefined> | null
      : z.output<Z>[P]
}

/**
 * Declares a table by a zod object. Only the types count: refinements such as `min` or `email` are not
 * checked on write, so parse rows first where they matter. `columns` overrides single columns; those that
 * have no counterpart (defaults, transforms, coercion, objects, unions) throw a `TypeError` without one.
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
  Simplify<NullToOptional<ZodRow<Z, Overrides>>>,
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
    columns[column] = override ?? columnOf(type as z.core.$ZodTypes, { table: name, column })
  }
  return table(name, columns, { key: options.key }) as never
}

interface Place {
  readonly table: string
  readonly column: string
}

function columnOf(type: z.core.$ZodTypes, place: Place): Column {
  const def = type._zod.def
  switch (def.type) {
    case 'optional':
    case 'nullable':
      return columnOf(def.innerType as z.core.$ZodTypes, place).nullable()
    case 'readonly':
      return columnOf(def.innerType as z.core.$ZodTypes, place)
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
    `table "${place.table}", column "${place.column}": ${what} has no column type; ` +
      `give one as columns: { ${JSON.stringify(place.column)}: … } (${override})`,
  )
}
