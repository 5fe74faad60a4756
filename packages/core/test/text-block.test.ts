import { describe, expect, test } from 'vitest'
import { TextBlock } from '../src/index.ts'

/** Memory that begins with the bytes of a text. */
function memoryOf(text: string): { bytes: Uint8Array; words: Uint32Array; length: number } {
  const encoded = new TextEncoder().encode(text)
  const buffer = new ArrayBuffer((encoded.length + 7) & ~7)
  const bytes = new Uint8Array(buffer)
  bytes.set(encoded)
  return { bytes, words: new Uint32Array(buffer), length: encoded.length }
}

describe('a block of texts', () => {
  const text = 'plain text, zażółć, 水 and 😀, then a longer stretch of plain text again\0\x7f.'

  test('gives each text in it, wherever it starts and ends', () => {
    const { bytes, words, length } = memoryOf(text)
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const block = new TextBlock()
    for (let start = 0; start <= length; start++) {
      block.set({ bytes, words }, start, length)
      for (let end = start; end <= length; end++) {
        expect(block.read(start, end)).toBe(decoder.decode(bytes.subarray(start, end)))
      }
    }
  })

  test('gives texts outside of it too', () => {
    const { bytes, words } = memoryOf('abcdefghijklmnopqrstuvwxyz')
    const block = new TextBlock()
    expect(block.read(0, 0)).toBe('')
    block.set({ bytes, words }, 4, 20)
    expect(block.read(4, 20)).toBe('efghijklmnopqrst')
    expect(block.read(2, 9)).toBe('cdefghi')
    expect(block.read(15, 26)).toBe('pqrstuvwxyz')
  })

  test('stands for other memory after it was set anew', () => {
    const block = new TextBlock()
    for (const one of ['the first text', 'quite another']) {
      const { bytes, words, length } = memoryOf(one)
      block.set({ bytes, words }, 0, length)
      expect(block.read(0, length)).toBe(one)
    }
  })
})
