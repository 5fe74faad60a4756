import type {
  Column,
  ColumnMode,
  Columns,
  InsertOf,
  InsertPartOf,
  NestedMode,
  PartOf,
  RowOf,
  ScalarMode,
} from './column.ts'
import type { ColumnType, NestedPart } from './column-type.ts'

function column<Value, Insert = Value>(
  type: ColumnType,
  mode?: ColumnMode,
): Column<Value, false, false, Insert> {
  Object.freeze(type)
  const make = (isNullable: boolean, defaultValue: unknown): unknown =>
    Object.freeze({
      type,
      mode,
      isNullable,
      hasDefault: defaultValue !== undefined,
      defaultValue,
      nullable: () => make(true, defaultValue),
      default: (value: unknown) => make(isNullable, given(value)),
    })
  return make(false, undefined) as Column<Value, false, false, Insert>
}

function given(value: unknown): unknown {
  if (value !== undefined && value !== null) return value
  throw new TypeError(`a default is a value, not ${String(value)}; a nullable column without one is null`)
}

const PRECISION_MAX = 38
const FIXED_LENGTH_MAX = 65_535

/** Builders of columns, one for each type. Sizes out of range throw a `TypeError`. */
export const t = {
  boolean(): Column<boolean, false> {
    return column({ kind: 'boolean' })
  },
  /** 32-bit integer, a number. */
  int(): Column<number, false> {
    return column({ kind: 'int' })
  },
  /** 64-bit integer: a bigint, or with `mode: 'number'` a safe integer. */
  long<Mode extends 'bigint' | 'number' = 'bigint'>(options?: {
    readonly mode?: Mode
  }): Column<Mode extends 'number' ? number : bigint, false> {
    return column({ kind: 'long' }, modeOf(options, ['bigint', 'number']))
  },
  float(): Column<number, false> {
    return column({ kind: 'float' })
  },
  double(): Column<number, false> {
    return column({ kind: 'double' })
  },
  /** An exact decimal of up to 38 digits, `scale` of them after the point; a string like '12.30'. */
  decimal(precision: number, scale: number): Column<string, false> {
    if (!isIntegerIn(precision, 1, PRECISION_MAX)) {
      throw new TypeError(`decimal precision ${precision} is not an integer from 1 to ${PRECISION_MAX}`)
    }
    if (!isIntegerIn(scale, 0, precision)) {
      throw new TypeError(`decimal scale ${scale} is not an integer from 0 to the precision ${precision}`)
    }
    return column({ kind: 'decimal', precision, scale })
  },
  /** A calendar date, a string like '2024-02-29'. */
  date(): Column<string, false> {
    return column({ kind: 'date' })
  },
  /** A time of day, a number of microseconds since midnight. */
  time(): Column<number, false> {
    return column({ kind: 'time' })
  },
  /** A date and time without zone: a Date, or with `mode: 'bigint'` microseconds since the epoch. */
  timestamp<Mode extends 'date' | 'bigint' = 'date'>(options?: {
    readonly mode?: Mode
  }): Column<Mode extends 'bigint' ? bigint : Date, false> {
    return column({ kind: 'timestamp' }, modeOf(options, ['date', 'bigint']))
  },
  /** A moment: a Date, or with `mode: 'bigint'` microseconds since the epoch. */
  timestamptz<Mode extends 'date' | 'bigint' = 'date'>(options?: {
    readonly mode?: Mode
  }): Column<Mode extends 'bigint' ? bigint : Date, false> {
    return column({ kind: 'timestamptz' }, modeOf(options, ['date', 'bigint']))
  },
  /** A date and time without zone, a bigint of nanoseconds since the epoch. */
  timestampNs(): Column<bigint, false> {
    return column({ kind: 'timestamp_ns' })
  },
  /** A moment, a bigint of nanoseconds since the epoch. */
  timestamptzNs(): Column<bigint, false> {
    return column({ kind: 'timestamptz_ns' })
  },
  string(): Column<string, false> {
    return column({ kind: 'string' })
  },
  /** A lower-case string like '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162'. */
  uuid(): Column<string, false> {
    return column({ kind: 'uuid' })
  },
  /** Exactly `length` bytes. */
  fixed(length: number): Column<Uint8Array, false> {
    if (!isIntegerIn(length, 1, FIXED_LENGTH_MAX)) {
      throw new TypeError(`fixed length ${length} is not an integer from 1 to ${FIXED_LENGTH_MAX}`)
    }
    return column({ kind: 'fixed', length })
  },
  binary(): Column<Uint8Array, false> {
    return column({ kind: 'binary' })
  },
  /** An array whose elements are what `element` holds; null among them if it is nullable. */
  list<C extends Column>(element: C): Column<PartOf<C>[], false, false, readonly InsertPartOf<C>[]> {
    return column({ kind: 'list', element: partOf('an element of a list', element) }, modesOf({ element }))
  },
  /** An object with these fields. Writes may leave nullable ones out. */
  struct<C extends Columns>(fields: C): Column<RowOf<C>, false, false, InsertOf<C>> {
    const list = Object.entries(fields).map(([name, field]) => ({
      name,
      ...partOf(`field "${name}" of a struct`, field),
    }))
    return column({ kind: 'struct', fields: Object.freeze(list) }, modesOf(fields))
  },
  /**
   * A `Map`, or with `mode: 'object'` a plain object, whose keys must be strings. Keys are scalars other than float and
   * double; values are null too if `value` is nullable. The order of the entries is kept.
   */
  map<K extends Column, V extends Column, Mode extends 'map' | 'object' = 'map'>(
    key: K,
    value: V,
    options?: { readonly mode?: Mode },
  ): Column<
    Mode extends 'object' ? Record<string, PartOf<V>> : Map<PartOf<K>, PartOf<V>>,
    false,
    false,
    Mode extends 'object'
      ? Readonly<Record<string, InsertPartOf<V>>>
      : ReadonlyMap<InsertPartOf<K>, InsertPartOf<V>>
  > {
    const mode = options?.mode ?? 'map'
    if (mode !== 'map' && mode !== 'object') {
      throw new TypeError(`mode ${JSON.stringify(mode)} is not one of map, object`)
    }
    if (mode === 'object' && key.type.kind !== 'string') {
      throw new TypeError(
        `a map with keys of type ${key.type.kind} is no object; leave mode out, or use t.string()`,
      )
    }
    const parts = { key: partOf('a key of a map', key), value: partOf('a value of a map', value) }
    const modes = modesOf({ key, value })
    return column({ kind: 'map', ...parts }, mode === 'object' ? { ...modes, shape: mode } : modes)
  },
}

function partOf(what: string, column: Column): NestedPart {
  if (column.hasDefault) {
    throw new TypeError(
      `${what} has a default; only columns have one: make it nullable, or give the column a default`,
    )
  }
  return Object.freeze({ id: 0, type: column.type, required: !column.isNullable })
}

/** The modes of parts by name; undefined if no part has one. */
function modesOf(parts: Columns): NestedMode | undefined {
  const modes = Object.entries(parts).flatMap(([name, { mode }]) =>
    mode === undefined ? [] : [[name, mode] as const],
  )
  return modes.length === 0 ? undefined : { parts: Object.fromEntries(modes) }
}

function isIntegerIn(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}

function modeOf(
  options: { readonly mode?: ScalarMode } | undefined,
  allowed: readonly ScalarMode[],
): ScalarMode | undefined {
  const mode = options?.mode
  if (mode === undefined || allowed.includes(mode)) return mode
  throw new TypeError(`mode ${JSON.stringify(mode)} is not one of ${allowed.join(', ')}`)
}
