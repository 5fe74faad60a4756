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

test.each([
  ['{"a":1,"b":[{"c":null}]}', '{"b":[{"c":null}],"a":1}', true],
  ['{"a":9223372036854775807}', '{"a":9223372036854775807}', true],
  ['{"a":9223372036854775807}', '{"a":9223372036854775806}', false],
  ['[1,2]', '[2,1]', false],
  ['[1]', '[1,1]', false],
  ['[]', '{}', false],
  ['{"0":1}', '[1]', false],
  ['{"a":null}', '{"b":null}', false],
  ['{"a":null}', '{}', false],
  ['{"toString":1}', '{"a":1}', false],
  ['1', '1.0', false],
  ['"1"', '1', false],
  ['null', 'false', false],
])('that %s says the same as %s is %s', (a, b, same) => {
  expect(sameJson(parseJson(a), parseJson(b))).toBe(same)
  expect(sameJson(parseJson(b), parseJson(a))).toBe(same)
})

test('a member that is undefined says nothing, and no value says null', () => {
  expect(sameJson({ a: undefined, b: 1 }, { b: 1 })).toBe(true)
  expect(sameJson({ a: undefined }, { a: null })).toBe(false)
  expect(sameJson(undefined, null)).toBe(true)
  expect(sameJson(undefined, 0)).toBe(false)
})
