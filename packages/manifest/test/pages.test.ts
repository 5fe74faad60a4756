import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeManifest, encodeManifest } from '../src/manifest-codec.ts'
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

test('the example in the format page is what it says', () => {
  const bytes = example('docs/format/manifest.md')
  const { file } = decodeManifest(bytes, 'manifest/0000000000000008', 8)
  expect(file).toEqual({
    kind: 'edit',
    manifestId: 8,
    epoch: 2,
    owner: 'w1',
    base: 5,
    previous: 0xd9c1149f,
    noLinks: false,
    edit: { changes: [{ kind: 'setLastSeqno', seqno: 12 }] },
  })
  expect(encodeManifest(file)).toEqual(bytes)
})

test('the example in the README runs and shows what it says', () => {
  const block = /```ts\n([^]*?)```/.exec(page('packages/manifest/README.md'))?.[1] ?? 'no example'
  const last = '\nexport const shown: unknown[] = [seen, manifest.current]\n'
  const inside = block.replace("'@meru/manifest'", "'../src/index.ts'")
  expect(page('packages/manifest/test/readme-example.ts')).toBe(inside + last)
  expect(shown[0]).toEqual(shown[1])
  expect(shown[0]).toMatchObject({ manifestId: 2, epoch: 1, nextTableId: 2 })
})
