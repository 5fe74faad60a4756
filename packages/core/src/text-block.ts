import { readLatin1, readText } from './text.ts'

/**
 * Texts that lie near one another in memory: one native call makes a string of all the bytes, and a text that is ASCII
 * is a slice of it. A text that is kept keeps the string of its block.
 */
export class TextBlock {
  private readonly memory: { bytes: Uint8Array; words: Uint32Array } = {
    bytes: new Uint8Array(),
    words: new Uint32Array(),
  }
  private start = 0
  private end = 0
  /** One character for each byte from `start` to `end`; made when the first text is read. */
  private characters: string | undefined

  /** Stands for the bytes [start, end) of memory, of which `words` is another view, from its first byte on. */
  set(memory: { readonly bytes: Uint8Array; readonly words: Uint32Array }, start: number, end: number): void {
    this.memory.bytes = memory.bytes
    this.memory.words = memory.words
    this.start = start
    this.end = end
    this.characters = undefined
  }

  /** The text of UTF-8 bytes, which lie in the memory. */
  read(start: number, end: number): string {
    const { bytes, words } = this.memory
    if (start < this.start || end > this.end || !isAscii(words, start, end))
      return readText(bytes, start, end)
    this.characters ??= readLatin1(bytes, this.start, this.end)
    return this.characters.slice(start - this.start, end - this.start)
  }
}

const HIGH_BITS = 0x80808080

/** True if no byte of [start, end) is above 0x7f. Words are little-endian. */
function isAscii(words: Uint32Array, start: number, end: number): boolean {
  if (start === end) return true
  const first = start >>> 2
  const last = (end - 1) >>> 2
  const from = HIGH_BITS << ((start & 3) * 8)
  const to = HIGH_BITS >>> ((3 - ((end - 1) & 3)) * 8)
  if (first === last) return (words[first] & from & to) === 0
  let all = (words[first] & from) | (words[last] & to)
  for (let i = first + 1; i < last; i++) all |= words[i] & HIGH_BITS
  return all === 0
}
