import { describe, expect, test } from 'vitest'
import { RowFrames, type FrameTable } from '../src/row-frames.ts'
import { seededRandom } from './seeded-random.ts'

/** Puts a frame of equal bytes into the memory. */
function fill(frames: RowFrames, owner: FrameTable, page: number, size: number, mark: number): void {
  const at = frames.reserve(size)
  if (at < 0) throw new Error(`no room for ${size} bytes`)
  frames.memory.bytes.fill(mark, at, at + size)
  frames.add(owner, page, at, size)
}

describe('row frames', () => {
  test('whatever is still there is whole, through evictions, moves and dropped files', () => {
    const random = seededRandom(8)
    const frames = new RowFrames(64 * 1024)
    const owners = [new Int32Array(200), new Int32Array(200)]
    const expected = new Map<string, { size: number; mark: number }>()
    let present = 0
    for (let step = 0; step < 20_000; step++) {
      const which = random.below(2)
      const page = random.below(200)
      const owner = owners[which]
      if (owner[page] !== 0) {
        frames.used[owner[page] - 1] = 1
      } else {
        const size = 8 * (1 + random.below(random.oneIn(3) ? 900 : 200))
        const mark = 1 + random.below(255)
        fill(frames, owner, page, size, mark)
        expected.set(`${which}/${page}`, { size, mark })
      }
      if (random.oneIn(2000)) frames.drop(owner)
      const probeOwner = random.below(2)
      const probe = random.below(200)
      const slot = owners[probeOwner][probe]
      if (slot === 0) continue
      present++
      const { size, mark } = expected.get(`${probeOwner}/${probe}`) as { size: number; mark: number }
      const at = frames.offsetOf(slot)
      expect(at % 8).toBe(0)
      expect(frames.memory.bytes.subarray(at, at + size).every((byte) => byte === mark)).toBe(true)
    }
    expect(present).toBeGreaterThan(1000)
    expect(frames.evictions).toBeGreaterThan(1000)
    expect(frames.bytes).toBeLessThanOrEqual(64 * 1024)
  })

  test('a frame that is used stays longer than one that is not', () => {
    const frames = new RowFrames(10 * 800)
    const owner = new Int32Array(100)
    for (let page = 0; page < 100; page++) {
      fill(frames, owner, page, 800, 1)
      if (page >= 1) frames.used[owner[0] - 1] = 1
      expect(owner[0], `page 0 after ${page}`).not.toBe(0)
    }
    expect(owner[1]).toBe(0)
  })

  test('a frame that is large against the memory is refused and nothing makes room for it', () => {
    const frames = new RowFrames(8000)
    const owner = new Int32Array(2)
    fill(frames, owner, 0, 800, 1)
    expect(frames.reserve(2008)).toBe(-1)
    expect(owner[0]).not.toBe(0)
    expect(new RowFrames(0).reserve(8)).toBe(-1)
  })

  test('many small frames use up the slots, not the memory', () => {
    const frames = new RowFrames(64 * 1024)
    const owner = new Int32Array(1000)
    for (let page = 0; page < 1000; page++) fill(frames, owner, page, 16, page & 0xff)
    expect(frames.count).toBe(64)
    expect(owner.filter((slot) => slot !== 0).length).toBe(64)
    expect(owner[999]).not.toBe(0)
  })
})
