import { spawnSync } from 'node:child_process'
import * as zlib from 'node:zlib'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { CODEC_NONE, CODEC_SNAPPY, CODEC_ZSTD, codecFor, compress, decompress } from '../src/compression.ts'
import { prepareZstd } from '../src/zstd-decoder.ts'
import { seededRandom } from './seeded-random.ts'

vi.mock('node:zlib', { spy: true })

const random = seededRandom(5)
const BODIES: readonly (readonly [string, Uint8Array])[] = [
  ['one byte', Uint8Array.of(7)],
  ['a repeating body', new Uint8Array(50_000).fill(3)],
  ['random bytes', random.bytes(20_000)],
  ['text', new TextEncoder().encode('to be or not to be, that is the question. '.repeat(300))],
]

const nothing = (): Promise<void> => Promise.resolve()

// The decoder of zstd stays once it was made, so it comes last.
describe.each([
  ['snappy', CODEC_SNAPPY, nothing],
  ['zstd by node:zlib', CODEC_ZSTD, nothing],
  ['zstd in WebAssembly', CODEC_ZSTD, prepareZstd],
] as const)('%s', (_, codec, prepare) => {
  beforeAll(prepare)

  test.each(BODIES)('%s comes back', (_name, body) => {
    const packed = compress(codec, body)
    expect(new Uint8Array(decompress(codec, packed, body.length))).toEqual(body)
  })

  test.each(BODIES)('%s of another length than said is an error', (_name, body) => {
    const packed = compress(codec, body)
    const message = /input|literal|snappy|bytes, \d+ expected|larger than|unexpected end|eof/i
    expect(() => decompress(codec, packed, body.length + 1)).toThrow(message)
    expect(() => decompress(codec, packed, Math.max(0, body.length - 1))).toThrow(message)
    expect(() => decompress(codec, packed.subarray(0, packed.length - 1), body.length)).toThrow(message)
  })
})

test('zstd in WebAssembly leaves large pages to node:zlib', async () => {
  await prepareZstd()
  const inflate = vi.mocked(zlib.zstdDecompressSync)
  inflate.mockClear()
  for (const [bytes, calls] of [
    [100_000, 0],
    [5_000_000, 1],
  ]) {
    const body = new Uint8Array(bytes).fill(9)
    expect(decompress(CODEC_ZSTD, compress(CODEC_ZSTD, body), bytes).length).toBe(bytes)
    expect(inflate).toHaveBeenCalledTimes(calls)
  }
})

test('the decoder comes without an HTTP client', () => {
  const program = `
    const { prepareZstd } = await import('./src/zstd-decoder.ts')
    const own = globalThis.fetch
    let calls = 0
    globalThis.fetch = (...given) => (calls++, own(...given))
    const mine = globalThis.fetch
    await prepareZstd()
    console.log(calls, globalThis.fetch === mine)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('..', import.meta.url),
    encoding: 'utf8',
  })
  expect([stdout, stderr]).toEqual(['0 true\n', ''])
})

describe('codec', () => {
  test('of a layout', () => {
    expect([codecFor('none'), codecFor('snappy'), codecFor('zstd')]).toEqual([
      CODEC_NONE,
      CODEC_SNAPPY,
      CODEC_ZSTD,
    ])
  })

  test('no compression leaves a body as it is', () => {
    const body = Uint8Array.of(1, 2, 3)
    expect(decompress(CODEC_NONE, body, 3)).toBe(body)
  })
})
