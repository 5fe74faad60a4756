import { typeName, type ColumnMode, type ColumnType } from '@meru/core'

/** What a cell must be to fit a column, in words. */
export function expectationOf(type: ColumnType, mode: ColumnMode | undefined): string {
  switch (type.kind) {
    case 'boolean':
      return 'true or false'
    case 'int':
      return 'a whole number from -2147483648 to 2147483647'
    case 'long':
      if (mode === 'number')
        return 'a whole number between -(2^53) and 2^53; without mode "number", of 64 bits'
      return 'a whole number of 64 bits'
    case 'float':
      return 'a number in the range of 32-bit floats'
    case 'double':
      return 'a number'
    case 'decimal':
      return `a decimal of up to ${type.precision} digits, at most ${type.scale} of them after the point`
    case 'date':
      return 'a date like 2024-02-29'
    case 'time':
      return 'a time of day like 06:05:00.25'
    case 'timestamp':
      return `a date and time without zone like 2024-02-29T06:05:00${precisionOf(mode)}`
    case 'timestamptz':
      return `a moment like 2024-02-29T06:05:00Z${precisionOf(mode)}`
    case 'timestamp_ns':
      return 'a date and time without zone like 2024-02-29T06:05:00.123456789'
    case 'timestamptz_ns':
      return 'a moment like 2024-02-29T06:05:00.123456789Z'
    case 'string':
      return 'text'
    case 'uuid':
      return 'a UUID like 0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162'
    case 'fixed':
      return `${type.length} bytes, as ${type.length * 2} hexadecimal digits`
    case 'binary':
      return 'bytes, as pairs of hexadecimal digits'
    case 'struct':
    case 'list':
    case 'map':
      return `a value of ${typeName(type)}, or its JSON`
  }
}

function precisionOf(mode: ColumnMode | undefined): string {
  return mode === 'bigint'
    ? ', in whole microseconds'
    : ', in whole milliseconds; with mode "bigint", in microseconds'
}
