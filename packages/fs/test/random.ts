import type { RandomBelow } from '../src/index.ts'

/** A seeded generator, Mulberry32; the one of the test kit is a layer above this package. */
export function randomFrom(seed: number): RandomBelow {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}
