import { expect, test } from 'vitest'
import type { Cell } from '@meru/formats/parts'
import { exactReader } from '../src/cell.ts'
import { parseType } from '../src/column-types.ts'
import { ANY_TYPE, chooseType, typesOfText, typesOfValue } from '../src/infer.ts'

function inferText(values: readonly string[]): string {
  return chooseType(values.reduce<number>((set, value) => set & typesOfText(value), ANY_TYPE)).kind
}

function inferValues(values: readonly Cell[]): string {
  return chooseType(values.reduce<number>((set, value) => set & typesOfValue(value), ANY_TYPE)).kind
}

test.each<[string, readonly string[], string]>([
  ['integers', ['0', '-17', '2147483647', '-2147483648'], 'int'],
  ['an integer past 32 bits', ['1', '2147483648'], 'long'],
  ['the largest long', ['9223372036854775807', '-9223372036854775808'], 'long'],
  ['an integer past 64 bits', ['9223372036854775808'], 'string'],
  ['decimals', ['1', '2.5', '-0.25', '.5', '1e-3'], 'double'],
  ['a negative zero', ['-0', '1'], 'double'],
  ['a long that a double would change, beside a decimal', ['9007199254740993', '1.5'], 'string'],
  ['more digits than a double keeps', ['3.14159265358979323846'], 'string'],
  ['a number past the range of doubles', ['1e999'], 'string'],
  ['a number that a double would flush to zero', ['1e-999'], 'string'],
  ['leading zeros', ['00501', '10001'], 'string'],
  ['a plus sign', ['+4930'], 'string'],
  ['truth values', ['true', 'FALSE', 'True'], 'boolean'],
  ['truth values among numbers', ['true', '1'], 'string'],
  ['dates', ['1990-01-08', '2024-02-29'], 'date'],
  ['dates with slashes', ['1990/01/08'], 'date'],
  ['a day that does not exist', ['2023-02-29'], 'string'],
  ['a date that could be read in two ways', ['01/02/2020'], 'string'],
  ['dates and times', ['2001/01/01 00:47', '2001-01-01T23:59:59.123456'], 'timestamp'],
  ['moments with zones', ['2001-01-01T00:47Z', '2001-01-01 00:47:01+05:30'], 'timestamptz'],
  ['moments with and without zone', ['2001-01-01T00:47Z', '2001-01-01T00:47'], 'string'],
  ['parts of a microsecond', ['2001-01-01T00:00:00.1234567'], 'string'],
  ['a leap second', ['2016-12-31T23:59:60Z'], 'string'],
  ['dates among times', ['2001-01-01', '2001-01-01 00:00'], 'string'],
  ['text', ['Turkey vulture', '12 Gänge'], 'string'],
  ['padded numbers', [' 5'], 'string'],
  ['empty quoted cells among numbers', ['', '5', ''], 'int'],
  ['nothing', [], 'string'],
])('%s: text %s is inferred as %s', (_what, values, expected) => {
  expect(inferText(values)).toBe(expected)
})

test.each<[string, readonly Cell[], string]>([
  ['integers', [1, 2], 'int'],
  ['integers past 32 bits', [1_517_966_773_840], 'long'],
  ['an integer past 53 bits', [9_007_199_254_740_993n, 1], 'long'],
  ['an integer past 53 bits beside a fraction', [9_007_199_254_740_993n, 0.5], 'string'],
  ['fractions', [1, 0.35], 'double'],
  ['strings of digits stay strings', ['37868143'], 'string'],
  ['an empty string is a string', ['', '2020-01-01'], 'string'],
  ['dates in strings', ['2020-01-01', null], 'date'],
  ['mixed kinds', [1, 'one'], 'string'],
  ['booleans', [true, false, null], 'boolean'],
  ['nulls', [null], 'string'],
])('%s: JSON %s is inferred as %s', (_what, values, expected) => {
  expect(inferValues(values)).toBe(expected)
})

test('the order of rows does not change what is inferred', () => {
  const values = ['1', '2.5', '9007199254740993', '2020-01-01', 'true', '007', '-3']
  for (let i = 0; i < values.length; i++) {
    for (let j = 0; j < values.length; j++) {
      expect(inferText([values[i], values[j]])).toBe(inferText([values[j], values[i]]))
    }
  }
})

test.each<[string, Cell, unknown]>([
  ['boolean', 'TRUE', true],
  ['boolean', '1', undefined],
  ['int', '-0', 0],
  ['int', '007', 7],
  ['int', '2147483648', undefined],
  ['int', 1.5, undefined],
  ['long', '9223372036854775807', 9_223_372_036_854_775_807n],
  ['long', '9223372036854775808', undefined],
  ['long', 12, 12n],
  ['double', '1e3', 1000],
  ['double', 'NaN', Number.NaN],
  ['double', '-Infinity', -Infinity],
  ['double', '', undefined],
  ['double', 9_007_199_254_740_993n, undefined],
  ['decimal(5,2)', '12.3', '12.3'],
  ['decimal(5,2)', '012.300', '12.3'],
  ['decimal(5,2)', '1234.5', undefined],
  ['decimal(5,2)', '1.234', undefined],
  ['date', '2024/02/29', '2024-02-29'],
  ['time', '06:05:00.25', 21_900_250_000],
  ['time', '24:00', undefined],
  ['timestamp', '1970-01-01T00:00:01.000001', 1_000_001n],
  ['timestamp', '1970-01-01T00:00:01Z', undefined],
  ['timestamptz', '1970-01-01T01:00:01+01:00', 1_000_000n],
  ['timestamptz', '1969-12-31T23:59:59.5Z', -500_000n],
  ['timestamp_ns', '1970-01-01T00:00:00.000000001', 1n],
  ['uuid', '0B0C9A6E-2F3D-4C5E-8A7B-1D2E3F405162', '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162'],
  ['uuid', '0b0c9a6e', undefined],
  ['fixed(2)', 'beef', new Uint8Array([0xbe, 0xef])],
  ['fixed(2)', 'be', undefined],
  ['binary', '', new Uint8Array()],
  ['string', 17n, '17'],
])('as %s the cell %s becomes %s', (typeName, cell, expected) => {
  const type = parseType(typeName)
  if (type === undefined) throw new Error(`no type ${typeName}`)
  expect(exactReader(type)(cell as never)).toEqual(expected)
})
