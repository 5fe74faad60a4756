import { expect, test } from 'vitest'
import { LogSegments } from '../src/log-segments.ts'

test('the floor is the segment that holds the oldest write that is in no SST', () => {
  const segments = new LogSegments({ epoch: 1, segment: 3 })
  segments.note({ epoch: 2, segment: 1 }, 100)
  segments.note({ epoch: 2, segment: 1 }, 150)
  segments.note({ epoch: 2, segment: 2 }, 200)
  expect(segments.floorFor(99)).toEqual({ epoch: 1, segment: 3 })
  expect(segments.floorFor(100)).toEqual({ epoch: 2, segment: 1 })
  expect(segments.floorFor(199)).toEqual({ epoch: 2, segment: 1 })
  expect(segments.floorFor(200)).toEqual({ epoch: 2, segment: 2 })
  expect(segments.length).toBe(3)
})

test('what was asked for is not forgotten before the log is cut there', () => {
  const segments = new LogSegments({ epoch: 1, segment: 3 })
  segments.note({ epoch: 2, segment: 1 }, 100)
  segments.note({ epoch: 2, segment: 2 }, 200)
  segments.floorFor(200)
  expect(segments.floorFor(100)).toEqual({ epoch: 2, segment: 1 })
  segments.cut({ epoch: 2, segment: 1 })
  expect(segments.length).toBe(2)
  segments.cut({ epoch: 2, segment: 2 })
  expect(segments.length).toBe(1)
  expect(segments.floorFor(300)).toEqual({ epoch: 2, segment: 2 })
})
