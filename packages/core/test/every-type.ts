import { t, type Column, type ColumnType } from '../src/index.ts'

type ColumnLabel =
  | 'boolean'
  | 'int'
  | 'long'
  | 'longNumber'
  | 'float'
  | 'double'
  | 'decimal9'
  | 'decimal18'
  | 'decimal38'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'timestampBigint'
  | 'timestampNs'
  | 'timestamptzNs'
  | 'string'
  | 'uuid'
  | 'fixed'
  | 'binary'

/** One column for each type and mode. */
export const EVERY_COLUMN: Readonly<Record<ColumnLabel, Column>> = {
  boolean: t.boolean(),
  int: t.int(),
  long: t.long(),
  longNumber: t.long({ mode: 'number' }),
  float: t.float(),
  double: t.double(),
  decimal9: t.decimal(9, 2),
  decimal18: t.decimal(18, 0),
  decimal38: t.decimal(38, 10),
  date: t.date(),
  time: t.time(),
  timestamp: t.timestamp(),
  timestamptz: t.timestamptz(),
  timestampBigint: t.timestamp({ mode: 'bigint' }),
  timestampNs: t.timestampNs(),
  timestamptzNs: t.timestamptzNs(),
  string: t.string(),
  uuid: t.uuid(),
  fixed: t.fixed(5),
  binary: t.binary(),
}

/** Those that may be part of a key. */
export const KEY_COLUMNS: readonly (readonly [name: string, column: Column])[] = Object.entries(
  EVERY_COLUMN,
).filter(([, { type }]) => type.kind !== 'float' && type.kind !== 'double')

/** The type whose random values fit a column: modes change the JavaScript type. */
export function valueType(column: Column): ColumnType {
  if (column.mode === 'bigint') return { kind: 'long' }
  return column.mode === 'number' ? { kind: 'time' } : column.type
}
