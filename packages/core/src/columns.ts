import type { ColumnType } from './column-type.ts'

/**
 * Which JavaScript values a column takes and gives where there is a choice: `long` bigint or number,
 * `timestamp` and `timestamptz` date or bigint. Not persisted: it does not change what is stored.
 */
export type ColumnMode = 'bigint' | 'number' | 'date'

/** Modes by column name; columns that are absent have the mode that their type gives. */
export type ColumnModes = Readonly<Record<string, ColumnMode>>

/** A column in the making; `t` makes them. `Value` is the JavaScript type of its values. */
export interface Column<
  Value = unknown,
  Nullable extends boolean = boolean,
  Defaulted extends boolean = boolean,
> {
  readonly type: ColumnType
  readonly mode: ColumnMode | undefined
  readonly isNullable: Nullable
  readonly hasDefault: Defaulted
  /** What `default` was given; undefined without it. */
  readonly defaultValue: unknown
  /** Carries the type of the values for inference; has no value at run time. */
  readonly $value: Value
  /** The same column, which may also hold null. */
  nullable(): Column<Value, true, Defaulted>
  /**
   * The same column, which rows may leave out: they then hold this value. Added to a table that has rows, it
   * is the value of those too.
   */
  default(value: Value): Column<Value, Nullable, true>
}

function column<Value>(type: ColumnType, mode?: ColumnMode): Column<Value, false> {
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
  return make(false, undefined) as Column<Value, false>
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
}

function isIntegerIn(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}

function modeOf(
  options: { readonly mode?: ColumnMode } | undefined,
  allowed: readonly ColumnMode[],
): ColumnMode | undefined {
  const mode = options?.mode
  if (mode === undefined || allowed.includes(mode)) return mode
  throw new TypeError(`mode ${JSON.stringify(mode)} is not one of ${allowed.join(', ')}`)
}
