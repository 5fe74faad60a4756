import { describe, expect, test } from 'vitest'
import {
  dataDirectory,
  deletesDirectory,
  epochPath,
  isTableName,
  isTemporaryName,
  manifestPath,
  metadataDirectory,
  parseEpochName,
  parseManifestName,
  parsePuffinName,
  parseSstName,
  puffinPath,
  sstPath,
} from '../src/index.ts'
import { uuid } from './samples.ts'

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

test.each([0, 1, 42, Number.MAX_SAFE_INTEGER])(
  'the number %d is found again in the names made of it',
  (number) => {
    expect(parseManifestName(nameOf(manifestPath(number)))).toBe(number)
    expect(parseEpochName(nameOf(epochPath(number)))).toBe(number)
  },
)

test('names of numbers sort as the numbers do', () => {
  const numbers = [1, 9, 10, 99, 2 ** 40, Number.MAX_SAFE_INTEGER]
  expect(numbers.map(manifestPath).toSorted()).toEqual(numbers.map(manifestPath))
})

test.each([-1, 1.5, Number.NaN, 2 ** 53])('%d names no file', (number) => {
  expect(() => manifestPath(number)).toThrow(TypeError)
  expect(() => epochPath(number)).toThrow(TypeError)
})

test.each([
  '',
  '1',
  '000000000000001',
  '00000000000000001',
  '000000000000001x',
  ' 00000000000001',
  '9007199254740993',
])('%j is the name of no manifest and of no epoch', (name) => {
  expect(parseManifestName(name)).toBeUndefined()
  expect(parseEpochName(name)).toBeUndefined()
})

test('every file of a table lies below its directory', () => {
  const id = uuid(7)
  expect(sstPath('users', id)).toBe(`tables/users/data/${id}.parquet`)
  expect(puffinPath('users', id)).toBe(`tables/users/deletes/${id}.puffin`)
  expect(dataDirectory('users')).toBe('tables/users/data')
  expect(deletesDirectory('users')).toBe('tables/users/deletes')
  expect(metadataDirectory('users')).toBe('tables/users/metadata')
  expect(parseSstName(`${id}.parquet`)).toBe(id)
  expect(parsePuffinName(`${id}.puffin`)).toBe(id)
})

test.each([
  'x.parquet',
  `${uuid(1)}`,
  `${uuid(1)}.puffin`,
  `${uuid(0xa).toUpperCase()}.parquet`,
  `${uuid(1)}.parquet2`,
])('%j is the name of no SST', (name) => {
  expect(parseSstName(name)).toBeUndefined()
})

describe('isTemporaryName', () => {
  test.each([`0000000000000001.${uuid(1)}.tmp`, `${uuid(1)}.tmp`, `${uuid(2)}.parquet.${uuid(1)}.tmp`])(
    '%j is one',
    (name) => {
      expect(isTemporaryName(name)).toBe(true)
    },
  )
  test.each(['x.tmp', `x${uuid(1)}.tmp`, `${uuid(1)}.tmp.txt`, '.tmp', uuid(1)])('%j is none', (name) => {
    expect(isTemporaryName(name)).toBe(false)
  })
})

describe('isTableName', () => {
  test.each(['users', 'a', '_', '2026-01', 'A_b-C', 'x'.repeat(128), 'console'])('allows %j', (name) => {
    expect(isTableName(name)).toBe(true)
  })
  test.each(['', '.', '..', 'a/b', 'a\\b', 'a b', 'ä', 'x'.repeat(129), 'con', 'COM1', 'a.b', 'a\n'])(
    'refuses %j',
    (name) => {
      expect(isTableName(name)).toBe(false)
    },
  )
})
