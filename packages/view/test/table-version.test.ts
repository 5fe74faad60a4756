import type { SstFile } from '@meru/manifest'
import { DeadPositions, type SstReader } from '@meru/sst'
import { describe, expect, test } from 'vitest'
import { TableVersion, type LiveFile } from '../src/index.ts'
import { fileForKey, filesInRange, overlaps } from '../src/table-version.ts'

/** A file of which only the description is looked at. */
function live(id: string, level: number, range: [number, number], more: Partial<SstFile> = {}): LiveFile {
  const file: SstFile = {
    id,
    level,
    schemaId: 0,
    rows: 10,
    bytes: 100,
    hash: '',
    minKey: Uint8Array.of(range[0]),
    maxKey: Uint8Array.of(range[1]),
    minSeqno: 1,
    maxSeqno: 1,
    splitOffsets: [],
    columns: [],
    ...more,
  }
  return { file, reader: undefined as unknown as SstReader, dead: DeadPositions.empty }
}

const names = (files: readonly LiveFile[]): string => files.map(({ file }) => file.id).join('')
const key = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)

describe('TableVersion', () => {
  test('holds level 0 newest first, deeper levels by key, and skips empty levels', () => {
    const version = new TableVersion([
      live('f', 4, [0, 9]),
      live('b', 0, [0, 9], { maxSeqno: 5 }),
      live('e', 1, [50, 60]),
      live('d', 1, [0, 9]),
      live('a', 0, [0, 9], { maxSeqno: 8 }),
      live('c', 0, [0, 9], { maxSeqno: 2 }),
    ])
    expect(names(version.level0)).toBe('abc')
    expect(version.sorted.map((level) => names(level))).toEqual(['de', 'f'])
    expect(names(version.files)).toBe('abcdef')
  })

  test('counts live rows over all levels', () => {
    const files = [live('a', 0, [0, 9]), live('b', 1, [0, 9]), live('c', 2, [0, 9], { rows: 3 })]
    expect(new TableVersion(files).liveRows).toBe(23)
    const some = files.map((file, i) => ({ ...file, dead: DeadPositions.of([0, 2].slice(0, i)) }))
    expect(new TableVersion(some).liveRows).toBe(23 - 3)
    expect(TableVersion.empty.liveRows).toBe(0)
    expect(TableVersion.empty.files).toEqual([])
  })
})

describe('fileForKey', () => {
  const level = [live('a', 1, [10, 20]), live('b', 1, [30, 30]), live('c', 1, [40, 50])]
  test.each([
    [key(), 'a'],
    [key(0), 'a'],
    [key(10), 'a'],
    [key(20), 'a'],
    [key(20, 0), 'b'],
    [key(30), 'b'],
    [key(31), 'c'],
    [key(50), 'c'],
    [key(50, 0), undefined],
  ])('the first file that does not end before %j', (bytes, id) => {
    expect(fileForKey(level, bytes, 0, bytes.length)?.file.id).toBe(id)
  })

  test('looks at the given part of the bytes only', () => {
    expect(fileForKey(level, key(99, 30, 99), 1, 2)?.file.id).toBe('b')
    expect(fileForKey([], key(1), 0, 1)).toBeUndefined()
  })
})

describe('ranges', () => {
  const level = [live('a', 1, [10, 20]), live('b', 1, [30, 30]), live('c', 1, [40, 50])]
  test.each([
    [undefined, undefined, 'abc'],
    [key(20), key(30), 'a'],
    [key(20), key(30, 0), 'ab'],
    [key(20, 0), undefined, 'bc'],
    [undefined, key(10), ''],
    [key(31), key(40), ''],
    [key(50), key(51), 'c'],
    [key(50, 0), undefined, ''],
  ])('from %j, before %j: files %s', (lower, upper, expected) => {
    expect(names(filesInRange(level, lower, upper))).toBe(expected)
    expect(names(level.filter((file) => overlaps(file, lower, upper)))).toBe(expected)
  })
})
