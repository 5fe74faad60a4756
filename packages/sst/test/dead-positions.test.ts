import { describe, expect, test } from 'vitest'
import { DeadPositions } from '../src/dead-positions.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

function listOf(dead: DeadPositions): number[] {
  const positions: number[] = []
  dead.forEach((position) => positions.push(position))
  return positions
}

/** Positions in clusters, some across the border of a block. */
function randomPositions(random: SeededRandom, rows: number): number[] {
  const positions: number[] = []
  for (let cluster = 0; cluster < 20; cluster++) {
    const start = random.oneIn(3) ? Math.floor(rows / 65_536 / 2) * 65_536 - 10 : random.below(rows - 200)
    const step = random.pick([1, 1, 3, 17])
    for (let i = 0; i < random.below(100); i++) positions.push(start + i * step)
  }
  return positions.filter((position) => position < rows)
}

describe('dead positions', () => {
  test('the empty set has nothing', () => {
    expect(DeadPositions.empty.cardinality).toBe(0)
    expect(DeadPositions.empty.has(0)).toBe(false)
    expect(listOf(DeadPositions.empty)).toEqual([])
  })

  test.each([0, 31, 32, 65_535, 65_536, 131_071, 4_000_000, 2147483648, 4294967295])(
    'holds position %i alone',
    (position) => {
      const dead = DeadPositions.of([position])
      expect(dead.has(position)).toBe(true)
      expect(position > 0 && dead.has(position - 1)).toBe(false)
      expect(position < 4294967295 && dead.has(position + 1)).toBe(false)
      expect(listOf(dead)).toEqual([position])
      expect(dead.countRange(0, position)).toBe(0)
      expect(dead.countRange(position, position + 1)).toBe(1)
    },
  )

  test.each([-1, 1.5 * 2 ** 32, NaN])('refuses %d, which is no position', (position) => {
    expect(() => DeadPositions.of([position])).toThrow(TypeError)
  })

  test('adding positions leaves the old set as it was', () => {
    const before = DeadPositions.of([1, 70_000])
    const after = before.with([2, 70_000, 200_000])
    expect(listOf(before)).toEqual([1, 70_000])
    expect(listOf(after)).toEqual([1, 2, 70_000, 200_000])
    expect(after.cardinality).toBe(4)
    expect(after.with([1, 2])).toBe(after)
  })

  test('agrees with a plain set through random additions and unions', () => {
    const random = seededRandom(11)
    const rows = 300_000
    for (let round = 0; round < 20; round++) {
      const first = randomPositions(random, rows)
      const second = randomPositions(random, rows)
      const model = new Set([...first, ...second])
      const sorted = [...model].sort((a, b) => a - b)
      const dead = DeadPositions.of(first).with(Uint32Array.from(second))
      expect(listOf(dead)).toEqual(sorted)
      expect(dead.cardinality).toBe(model.size)
      const union = DeadPositions.of(first).union(DeadPositions.of(second))
      expect(listOf(union)).toEqual(sorted)
      expect(union.cardinality).toBe(model.size)
      expect(union.equals(dead)).toBe(true)
      expect(union.equals(DeadPositions.of(sorted.slice(1)))).toBe(false)
      for (let probe = 0; probe < 200; probe++) {
        const position = random.oneIn(2) ? random.pick(sorted) : random.below(rows)
        expect(dead.has(position)).toBe(model.has(position))
      }
    }
  })

  test('what one set has beyond another agrees with plain sets', () => {
    const random = seededRandom(13)
    const rows = 300_000
    for (let round = 0; round < 20; round++) {
      const other = DeadPositions.of(randomPositions(random, rows))
      // Sets that share blocks, and sets of which neither is part of the other.
      const more = randomPositions(random, rows)
      const dead = random.oneIn(2) ? other.with(more) : DeadPositions.of([...more, 70, 299_999])
      const beyond = listOf(dead).filter((position) => !other.has(position))
      expect(Array.from(dead.beyond(other), Number)).toEqual(beyond)
      expect(Array.from(dead.beyond(DeadPositions.empty), Number)).toEqual(listOf(dead))
      expect(dead.beyond(dead)).toHaveLength(0)
    }
    expect(DeadPositions.of([4294967295, 0]).beyond(DeadPositions.of([1]))).toEqual(
      BigInt64Array.of(0n, 4294967295n),
    )
  })

  test('counts, visits and gaps of a range agree with a plain set', () => {
    const random = seededRandom(12)
    const rows = 300_000
    for (let round = 0; round < 40; round++) {
      const model = new Set(randomPositions(random, rows))
      const dead = DeadPositions.of([...model])
      const from = random.below(rows)
      const to = from + random.below(rows - from)
      const inside = [...model].filter((position) => position >= from && position < to).sort((a, b) => a - b)
      expect(dead.countRange(from, to)).toBe(inside.length)
      const visited: number[] = []
      dead.forEachIn(from, to, (position) => visited.push(position))
      expect(visited).toEqual(inside)
      const runs: number[][] = []
      dead.liveRuns(from, to, (start, end) => runs.push([start, end]))
      expect(runs).toEqual(gapsOf(inside, from, to))
    }
  })
})

function gapsOf(positions: readonly number[], from: number, to: number): number[][] {
  const gaps: number[][] = []
  let start = from
  for (const position of [...positions, to]) {
    if (position > start) gaps.push([start, position])
    start = position + 1
  }
  return gaps
}
