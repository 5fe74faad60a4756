/** A generator whose numbers depend on nothing but the seed: a failing test fails again. */
export interface SeededRandom {
  /** An integer in [0, bound). */
  below(bound: number): number
  /** True once in `times`. */
  oneIn(times: number): boolean
  pick<T>(choices: readonly T[]): T
  bytes(count: number): Uint8Array
}

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 4294967296
  }
  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (choices) => choices[below(choices.length)],
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  }
}
