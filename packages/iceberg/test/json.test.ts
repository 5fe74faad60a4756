import { expect, test } from 'vitest'
import { formatJson, parseJson } from '../src/json.ts'

test.each([
  '{"id":9223372036854775807,"other":[-9007199254740993,1,0.5,"x",true,null]}',
  '{"a":{"b":[]}}',
  '9007199254740991',
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

test('members that are undefined are left out', () => {
  expect(formatJson({ a: undefined, b: 1 })).toBe('{"b":1}')
})
