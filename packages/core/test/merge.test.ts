import { describe, expect, test } from 'vitest'
import { KeyMerger } from '../src/merge.ts'
import type { BytesVector } from '../src/vector.ts'

function vectorOf(keys: number[]): BytesVector {
  const bytes = new Uint8Array(keys.length * 2)
  const offsets = new Uint32Array(keys.length + 1)
  keys.forEach((key, i) => {
    bytes[2 * i] = key >> 8
    bytes[2 * i + 1] = key & 255
    offsets[i + 1] = 2 * i + 2
  })
  return { physical: 'bytes', length: keys.length, bytes, offsets }
}

function randomOf(seed: number): (bound: number) => number {
  let state = seed >>> 0 || 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

interface Case {
  sources: { keys: number[]; hidden: Set<number> }[]
  reverse: boolean
  chunk: number
  limit: number
}

/** Drives the merger as a scan does, and returns `source:key` strings. */
function merge(input: Case): string[] {
  const merger = new KeyMerger(input.sources.length, { reverse: input.reverse })
  const chunks: number[][] = input.sources.map(() => [])
  const places = input.sources.map((source) => (input.reverse ? source.keys.length : 0))
  const sourceOf = new Uint16Array(input.limit)
  const rowOf = new Uint32Array(input.limit)
  const out: string[] = []
  for (;;) {
    const count = merger.fill(sourceOf, rowOf, input.limit)
    for (let i = 0; i < count; i++) out.push(`${sourceOf[i]}:${chunks[sourceOf[i]][rowOf[i]]}`)
    const source = merger.wanting
    if (source < 0) {
      if (count === 0) return out
      continue
    }
    const { keys, hidden } = input.sources[source]
    const place = places[source]
    const next = input.reverse ? Math.max(0, place - input.chunk) : Math.min(keys.length, place + input.chunk)
    chunks[source] = input.reverse ? keys.slice(next, place) : keys.slice(place, next)
    places[source] = next
    if (chunks[source].length === 0) merger.end(source)
    else {
      const flags = Uint8Array.from(chunks[source], (key) => (hidden.has(key) ? 1 : 0))
      merger.supply(source, vectorOf(chunks[source]), flags.some((flag) => flag === 1) ? flags : undefined)
    }
  }
}

function expected(input: Case): string[] {
  const winners = new Map<number, number>()
  input.sources.forEach((source, i) => source.keys.forEach((key) => winners.has(key) || winners.set(key, i)))
  const keys = [...winners.keys()].sort((a, b) => (input.reverse ? b - a : a - b))
  return keys
    .filter((key) => !input.sources[winners.get(key)!].hidden.has(key))
    .map((key) => `${winners.get(key)}:${key}`)
}

describe('KeyMerger', () => {
  test('no source gives no row', () => {
    expect(merge({ sources: [], reverse: false, chunk: 4, limit: 4 })).toEqual([])
  })

  test('the source with the lower number wins a shared key, and a hidden winner hides it', () => {
    const sources = [
      { keys: [2, 3], hidden: new Set([3]) },
      { keys: [1, 2, 3, 4], hidden: new Set<number>() },
    ]
    expect(merge({ sources, reverse: false, chunk: 2, limit: 8 })).toEqual(['1:1', '0:2', '1:4'])
    expect(merge({ sources, reverse: true, chunk: 2, limit: 8 })).toEqual(['1:4', '0:2', '1:1'])
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('random sources merge like a sorted map (seed %i)', (seed) => {
    const random = randomOf(seed * 7919)
    for (let round = 0; round < 150; round++) {
      const sources = Array.from({ length: 1 + random(5) }, () => {
        const dense = random(2) === 0
        const keys = new Set<number>()
        const start = random(300)
        for (let i = random(80); i > 0; i--) keys.add(dense ? start + i : random(400))
        const sorted = [...keys].sort((a, b) => a - b)
        return { keys: sorted, hidden: new Set(sorted.filter(() => random(6) === 0 && seed % 2 === 0)) }
      })
      const input = { sources, reverse: random(2) === 0, chunk: 1 + random(40), limit: 1 + random(50) }
      expect(merge(input)).toEqual(expected(input))
    }
  })
})
