import { expect, test } from 'vitest'
import { floatJson, formatJson, parseJson, sameJson } from '../src/json.ts'

test.each([
  '{"id":9223372036854775807,"other":[-9007199254740993,1,0.5,"x",true,null]}',
  '{"a":{"b":[]}}',
  '9007199254740991',
  '[55.0,-0.0,1.0E2,1e+21,0.5]',
])('%s survives a round trip to the last digit', (text) => {
  expect(formatJson(parseJson(text))).toBe(text)
})

test('integers are bigint only where a number would be rounded', () => {
  expect(parseJson('[9007199254740991, 9007199254740992, 1e300]')).toEqual([
    9007199254740991,
    9007199254740992n,
    1e300,
  ])
})

test.each([
  [55, '55.0'],
  [-10, '-10.0'],
  [-0, '-0.0'],
  [1e20, '100000000000000000000.0'],
  [1e21, '1e+21'],
  [0.25, '0.25'],
])('%d of a floating-point type is the fraction %s', (value, text) => {
  expect(formatJson(floatJson(value))).toBe(text)
  expect(sameJson(parseJson(text), floatJson(value))).toBe(true)
})

test('members that are undefined are left out', () => {
  expect(formatJson({ a: undefined, b: 1 })).toBe('{"b":1}')
})
