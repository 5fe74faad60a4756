import { MemoryFs } from '@meru/fs'
import { expect, test } from 'vitest'
import { compareSegments, listSegments, parseSegmentName, segmentName } from '../src/index.ts'

test.each([
  [{ epoch: 1, segment: 1 }, '0000000001-0000000001.wal'],
  [{ epoch: 12, segment: 345 }, '0000000012-0000000345.wal'],
  [{ epoch: 4294967295, segment: 4294967295 }, '4294967295-4294967295.wal'],
])('%o is named %s', (id, name) => {
  expect(segmentName(id)).toBe(name)
  expect(parseSegmentName(name)).toEqual(id)
})

test.each([
  '',
  '1-1.wal',
  '0000000001-0000000001.wal.tmp',
  ' 0000000001-0000000001.wal',
  '0000000001-0000000001.wal\n',
  '0000000001_0000000001.wal',
  '00000000001-0000000001.wal',
  '000000000a-0000000001.wal',
  '+000000001-0000000001.wal',
  '0000000000-0000000001.wal',
  '0000000001-0000000000.wal',
  '4294967296-0000000001.wal',
  '0000000001-9999999999.wal',
  '0000000001-spare.tmp',
])('%j names no segment', (name) => {
  expect(parseSegmentName(name)).toBeUndefined()
})

test.each([
  { epoch: 0, segment: 1 },
  { epoch: 1, segment: 0 },
  { epoch: 1.5, segment: 1 },
  { epoch: 1, segment: 4294967296 },
  { epoch: Number.NaN, segment: 1 },
])('%o has no name', (id) => {
  expect(() => segmentName(id)).toThrow(TypeError)
})

test('names sort as segments do', () => {
  const ids = [
    { epoch: 1, segment: 9 },
    { epoch: 1, segment: 10 },
    { epoch: 2, segment: 1 },
    { epoch: 10, segment: 1 },
  ]
  expect(ids.map(segmentName).sort()).toEqual(ids.map(segmentName))
  expect(ids.toReversed().sort(compareSegments)).toEqual(ids)
})

test('a listing is in order and passes over other names', async () => {
  const names = ['0000000002-0000000001.wal', '0000000001-0000000010.wal', '0000000001-0000000009.wal']
  const others = ['notes.txt', '0000000001-spare.tmp', '1-1.wal']
  const fs = MemoryFs.from([...names, ...others].map((name) => [`log/wal/${name}`, new Uint8Array(1)]))
  expect(await listSegments({ fs, directory: 'log/wal' })).toEqual([
    { epoch: 1, segment: 9 },
    { epoch: 1, segment: 10 },
    { epoch: 2, segment: 1 },
  ])
  expect(await listSegments({ fs, directory: 'nowhere' })).toEqual([])
})
