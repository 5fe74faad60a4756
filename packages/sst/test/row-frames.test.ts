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
    const owners = [frames.join(200), frames.join(200)]
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
      if (random.oneIn(2000)) {
        frames.drop(owner)
        owners[which] = frames.join(200)
      }
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
    const owner = frames.join(100)
    for (let page = 0; page < 100; page++) {
      fill(frames, owner, page, 800, 1)
      if (page >= 1) frames.used[owner[0] - 1] = 1
      expect(owner[0], `page 0 after ${page}`).not.toBe(0)
    }
    expect(owner[1]).toBe(0)
  })

  test('a frame that is large against the memory is refused and nothing makes room for it', () => {
    const frames = new RowFrames(8000)
    const owner = frames.join(2)
    fill(frames, owner, 0, 800, 1)
    expect(frames.reserve(2008)).toBe(-1)
    expect(owner[0]).not.toBe(0)
    expect(new RowFrames(0).reserve(8)).toBe(-1)
  })

  test('many small frames use up the slots, not the memory', () => {
    const frames = new RowFrames(64 * 1024)
    const owner = frames.join(1000)
    for (let page = 0; page < 1000; page++) fill(frames, owner, page, 16, page & 0xff)
    expect(frames.count).toBe(64)
    expect(owner.filter((slot) => slot !== 0).length).toBe(64)
    expect(owner[999]).not.toBe(0)
  })

  test('memory is taken with the first frame and goes back with the last file', () => {
    const frames = new RowFrames(80_000)
    const owners = [frames.join(10), frames.join(10)]
    expect(frames.memory.bytes.length).toBe(0)
    fill(frames, owners[0], 3, 800, 7)
    fill(frames, owners[1], 4, 800, 8)
    const { memory } = frames
    expect(memory.bytes.length).toBe(80_000)
    frames.drop(owners[0])
    expect(frames.memory).toBe(memory)
    expect(memory.bytes[frames.offsetOf(owners[1][4])]).toBe(8)
    frames.drop(owners[1])
    expect(frames).toMatchObject({ bytes: 0, count: 0, memory: { bytes: { length: 0 } } })

    const next = new RowFrames(80_000)
    const owner = next.join(2)
    fill(next, owner, 0, 16, 1)
    expect(next.memory).toBe(memory)
    expect(next).toMatchObject({ bytes: 16, count: 1 })
    // The first cache goes on, in memory of its own.
    const again = frames.join(1)
    fill(frames, again, 0, 16, 2)
    expect(frames.memory).not.toBe(memory)
    expect(memory.bytes[next.offsetOf(owner[0])]).toBe(1)
    expect(frames.memory.bytes[frames.offsetOf(again[0])]).toBe(2)
  })
})
