import { describe, expect, test } from 'vitest'
import { decideStall } from '../src/stall.ts'

const settings = { memtablesSealedMax: 3, l0SlowdownFiles: 4, l0StopFiles: 8 }

describe('decideStall', () => {
  test.each([
    { sealedMemtables: 0, l0Files: 0, kind: 'none' },
    { sealedMemtables: 2, l0Files: 3, kind: 'none' },
    { sealedMemtables: 0, l0Files: 4, kind: 'slowdown' },
    { sealedMemtables: 2, l0Files: 7, kind: 'slowdown' },
    { sealedMemtables: 0, l0Files: 8, kind: 'stop' },
    { sealedMemtables: 3, l0Files: 0, kind: 'stop' },
  ])('$sealedMemtables sealed memtables and $l0Files files at level 0: $kind', ({ kind, ...input }) => {
    expect(decideStall(input, settings).kind).toBe(kind)
  })

  test('the delay grows with level 0 up to the stop', () => {
    const delays = [4, 5, 6, 7].map((l0Files) => {
      const stall = decideStall({ sealedMemtables: 0, l0Files }, settings)
      return stall.kind === 'slowdown' ? stall.delayMs : 0
    })
    expect(delays).toEqual(delays.toSorted((a, b) => a - b))
    expect(new Set(delays).size).toBe(4)
  })
})
