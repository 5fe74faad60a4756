// A key as words: its bytes four by four, as little-endian memory has them, the last word filled up with
// zeros. Two keys of one length are equal if their words are.

/** How many words hold so many bytes. */
export function wordsFor(bytes: number): number {
  return (bytes + 3) >>> 2
}

/** Copies the key `bytes[start .. end)` to the front of `words`. */
export function loadKey(bytes: Uint8Array, start: number, end: number, words: Int32Array): void {
  let at = start
  let word = 0
  for (; at + 4 <= end; at += 4) {
    words[word++] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
  }
  if (at === end) return
  let last = 0
  for (let shift = 0; at < end; at++, shift += 8) last |= bytes[at] << shift
  words[word] = last
}

/** A hash of 32 bits, each of which depends on each byte of the key. */
export function hashKey(words: Int32Array, start: number, length: number): number {
  const end = start + wordsFor(length)
  let hash = length
  for (let i = start; i < end; i++) {
    // A number stands big-endian in its word: what varies must reach the low bits before it is multiplied.
    const word = words[i] ^ (words[i] >>> 16)
    hash = Math.imul(hash ^ word, 0x85eb_ca6b)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash, 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}

/** Whether two keys of one length are the same. */
export function equalKeys(
  a: Int32Array,
  aStart: number,
  b: Int32Array,
  bStart: number,
  length: number,
): boolean {
  const count = wordsFor(length)
  for (let i = 0; i < count; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

/** The order of two keys as unsigned bytes; a prefix sorts first. Negative, zero or positive. */
export function compareKeys(
  a: Int32Array,
  aStart: number,
  aLength: number,
  b: Int32Array,
  bStart: number,
  bLength: number,
): number {
  const count = wordsFor(aLength < bLength ? aLength : bLength)
  for (let i = 0; i < count; i++) {
    const aWord = a[aStart + i]
    const bWord = b[bStart + i]
    if (aWord !== bWord) return foremostFirst(aWord) - foremostFirst(bWord)
  }
  return aLength - bLength
}

/** A word as a number that grows as its bytes do, the foremost counting most. */
function foremostFirst(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
