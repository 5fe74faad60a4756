import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BatchWriter, ByteWriter, readBatch, RowCodec, t, table } from '../src/index.ts'
import { shown } from './readme-example.ts'

function page(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
}

/** The bytes of the example in a page: the hex pairs at the start of each line of its `hex` block. */
function example(path: string): Uint8Array {
  const lines = /```hex\n([^]*?)```/.exec(page(path))?.[1].split('\n') ?? []
  const pairs = lines.flatMap((line) => /^(?:[0-9a-f]{2} ?)*/.exec(line)?.[0].match(/[0-9a-f]{2}/g) ?? [])
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}

describe('the examples in the format pages', () => {
  test('key', () => {
    const bytes = example('docs/format/key.md')
    const { schema, modes } = table('x', { id: t.long(), name: t.string() }, { key: ['name', 'id'] })
    const codec = RowCodec.compile('x', schema, modes)
    expect(codec.decodeKey(bytes, 0, bytes.length)).toEqual({ name: 'jo\0é', id: -2n })
    const out = new ByteWriter()
    codec.encodeKey({ name: 'jo\0é', id: -2n }, out)
    expect(out.written()).toEqual(bytes)
  })

  test('row', () => {
    const bytes = example('docs/format/row.md')
    const columns = {
      id: t.int(),
      score: t.double(),
      note: t.string().nullable(),
      age: t.int().nullable(),
      tag: t.string(),
    }
    const codec = RowCodec.compile('x', table('x', columns, { key: ['id'] }).schema)
    const row = { id: 7, score: 1.5, note: null, age: -1, tag: 'é' }
    const out = new ByteWriter()
    const keyLength = codec.encodeRow(row, out)
    expect(out.written().subarray(keyLength)).toEqual(bytes)
    out.length = keyLength
    out.append(bytes)
    expect(codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)).toEqual(row)
  })

  test('write batch', () => {
    const bytes = example('docs/format/write-batch.md')
    const again = new BatchWriter()
    const where = { file: 'x', offset: 0 }
    const summary = readBatch(bytes, where, (kind, _seqno, id, schemaId, from, to, start, end) => {
      if (kind === 0) again.put({ id, schemaId }, bytes, from, to, start, end)
      else again.delete({ id, schemaId }, bytes, from, to)
    })
    expect(summary).toEqual({ firstSeqno: 41, count: 2 })
    expect(again.finish(41)).toEqual(bytes)
  })
})

test('the example in the README runs and shows what it says', () => {
  const block = /```ts\n([^]*?)```/.exec(page('packages/core/README.md'))?.[1] ?? 'no example'
  const last = '\nexport const shown: unknown[] = [visit, inOslo.lower]\n'
  const inside = block.replace("'@meru/core'", "'../src/index.ts'")
  expect(page('packages/core/test/readme-example.ts')).toBe(inside + last)
  const oslo = new Uint8Array(Buffer.from('Oslo\0\0'))
  expect(shown).toEqual([{ city: 'Oslo', at: new Date(0), note: null }, oslo])
})
