import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DeadPositions } from '../src/dead-positions.ts'
import { ANCHOR_BYTES, decodeAnchor, encodeAnchor } from '../src/format.ts'
import { encodeDeletionVector, readPuffinBlob } from '../src/puffin.ts'
import { found } from './readme-example.ts'

function page(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
}

/** The bytes of the example in a page: the hex pairs at the start of each line of its `hex` block. */
function example(path: string): Uint8Array {
  const lines = /```hex\n([^]*?)```/.exec(page(path))?.[1].split('\n') ?? []
  const pairs = lines.flatMap((line) => /^(?:[0-9a-f]{2} ?)*/.exec(line)?.[0].match(/[0-9a-f]{2}/g) ?? [])
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}

test('the anchor in the page on SSTs is what the page says', () => {
  const bytes = example('docs/format/sst.md')
  expect(bytes.length).toBe(ANCHOR_BYTES)
  const anchor = decodeAnchor(bytes, 'a.parquet', 0)
  expect(anchor).toEqual({
    level: 1,
    idCrc: 0x0a1b2c3d,
    schemaId: 2,
    schemaCrc: 0x8f2d6a10,
    rows: 3,
    keyIndex: { offset: 1030, length: 28, crc: 0x11223344 },
    pages: { offset: 1058, length: 312, crc: 0x55667788 },
    filter: { offset: 1370, length: 36, crc: 0x99aabbcc },
    footerLength: 620,
    footerCrc: 0xddeeff00,
  })
  expect(encodeAnchor(anchor)).toEqual(bytes)
})

test('a file of a newer version is refused as such', () => {
  const bytes = example('docs/format/sst.md')
  const anchor = decodeAnchor(bytes, 'a.parquet', 0)
  const newer = encodeAnchor(anchor, 2)
  expect(() => decodeAnchor(newer, 'a.parquet', 0)).toThrow(/a\.parquet has format version 2; .* Upgrade/)
})

test('the deletion vector in the page on dead positions is what the page says', () => {
  const bytes = example('docs/format/dead-positions.md')
  const dead = readPuffinBlob(bytes, 'a.puffin', 0)
  expect(dead.equals(DeadPositions.of([1, 3, 5, 7, 9]))).toBe(true)
  expect(encodeDeletionVector(dead)).toEqual(bytes)
})

test('the example in the README runs and finds its row', () => {
  const block = /```ts\n([^]*?)```/.exec(page('packages/sst/README.md'))?.[1] ?? 'no example'
  const last = '\nexport const found: unknown[] = [position, codec.rowAt(batch.columns, position)]\n'
  const inside = block.replace("'@meru/sst'", "'../src/index.ts'")
  expect(page('packages/sst/test/readme-example.ts')).toBe(inside + last)
  expect(found).toEqual([1, { id: 2, name: 'user 2' }])
})
