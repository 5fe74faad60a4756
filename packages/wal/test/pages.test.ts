import { readFileSync } from 'node:fs'
import { MemoryFs } from '@meru/fs'
import { expect, test } from 'vitest'
import { bytesOf, path, recover, startLog, text } from './log.ts'
import { found } from './readme-example.ts'

function page(name: string): string {
  return readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
}

/** The bytes of the example in the format page: the hex pairs at the start of each line of its `hex` block. */
function example(): Uint8Array {
  const lines = /```hex\n([^]*?)```/.exec(page('docs/format/wal.md'))?.[1].split('\n') ?? []
  const pairs = lines.flatMap((line) => /^(?:[0-9a-f]{2} ?)*/.exec(line)?.[0].match(/[0-9a-f]{2}/g) ?? [])
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}

test('the example of the format page is what the log reads', async () => {
  const { payloads, report: read } = await recover(MemoryFs.from([[path(1), example()]]))
  expect(payloads).toEqual(['hi', 'you', ''].map(text))
  expect(read).toMatchObject({ isClean: true, end: { epoch: 1, segment: 1, offset: 0x4a } })
})

test('and what it writes', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs)
  for (const group of [['hi'], ['you', '']]) {
    for (const content of group) wal.append(text(content))
    await wal.commit({ sync: true })
  }
  await wal.close()
  expect(bytesOf(fs, path(1))).toEqual(example())
})

test('the example of the README runs', () => {
  const block = /```ts\n([^]*?)```/.exec(page('packages/wal/README.md'))?.[1]
  const code = page('packages/wal/test/readme-example.ts')
  expect(block).toBe(code.replace('../src/index.ts', '@meru/wal'))
  expect(found).toEqual(['hello'])
})
