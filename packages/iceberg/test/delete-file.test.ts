import { expect, test } from 'vitest'
import { positionDeleteFile } from '../src/delete-file.ts'

const place = { uri: 'file:///t/metadata/delete-x.parquet', bytes: 900, partition: {} }
/** As UTF-16 the second is above the third, in UTF-8 below it. */
const PATHS = ['file:///t/data/a.parquet', 'file:///t/data/～.parquet', 'file:///t/data/\u{1f600}.parquet']

function entryOf(paths: readonly string[]): ReturnType<typeof positionDeleteFile> {
  const dead = paths.map((path, i) => ({
    referencedDataFile: path,
    positions: BigInt64Array.of(BigInt(i), 9n),
  }))
  return positionDeleteFile(place, dead)
}

function boundsOf(paths: readonly string[]): (string | undefined)[] {
  const { lower_bounds: lower, upper_bounds: upper } = entryOf(paths)
  return [lower, upper].map((bounds) => bounds?.map(({ value }) => new TextDecoder().decode(value)).join())
}

test.each(PATHS)('a file about %s names it and has it as both bounds', (path) => {
  expect(boundsOf([path])).toEqual([path, path])
  expect(entryOf([path])).toMatchObject({ referenced_data_file: path, record_count: 2 })
})

test('a file about several data files names none and has bounds in the order of bytes', () => {
  expect(boundsOf([PATHS[2], PATHS[0], PATHS[1]])).toEqual([PATHS[0], PATHS[2]])
  expect(boundsOf([PATHS[2], PATHS[1]])).toEqual([PATHS[1], PATHS[2]])
  expect(entryOf(PATHS)).toMatchObject({
    referenced_data_file: null,
    record_count: 6,
    value_counts: [
      { key: 2147483545, value: 6 },
      { key: 2147483546, value: 6 },
    ],
  })
})
