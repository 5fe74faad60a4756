import type { SstFile } from '@meru/manifest'
import { expect, test } from 'vitest'
import { evenTarget } from '../src/even-target.ts'

const file = (level: number, rows: number, bytes: number, dead = 0): SstFile => ({
  id: '',
  level,
  schemaId: 0,
  rows,
  bytes,
  hash: '',
  minKey: Uint8Array.of(0),
  maxKey: Uint8Array.of(1),
  minSeqno: 1,
  maxSeqno: 1,
  splitOffsets: [],
  columns: [],
  ...(dead === 0 ? {} : { dead: { file: '', offset: 0, length: 0, cardinality: dead } }),
})

test.each<[what: string, inputs: SstFile[], bytes: number, files: number]>([
  ['one file and little above it', [file(6, 1000, 1000), file(5, 300, 300)], 1300, 1],
  ['one file and as much above it', [file(6, 1000, 1000), file(5, 1000, 1000)], 2000, 2],
  ['what is dead counts for nothing', [file(6, 2000, 2000, 1000), file(5, 300, 300)], 1300, 1],
  ['level 0, whose rows are larger', [file(6, 1000, 1000), file(0, 300, 3000)], 1300, 1],
  ['level 0 alone', [file(0, 300, 3000)], 3000, 3],
  ['many', [file(6, 20_000, 20_000)], 20_000, 20],
])('%s', (_, inputs, bytes, files) => {
  const target = evenTarget(1000, inputs)
  expect(Math.ceil(bytes / target)).toBe(files)
  expect(target).toBeLessThanOrEqual(1500)
})
