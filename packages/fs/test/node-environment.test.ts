import { nodeEnvironment } from '../src/index.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const env = nodeEnvironment()

beforeEach(() => void vi.useFakeTimers({ now: 1000 }))
afterEach(() => void vi.useRealTimers())

test('a task runs once, after its delay', () => {
  const task = vi.fn<() => void>()
  env.after(50, task)
  vi.advanceTimersByTime(49)
  expect(task).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1000)
  expect(task).toHaveBeenCalledOnce()
})

test('a delay longer than a timer takes is waited for in full', () => {
  const task = vi.fn<() => void>()
  const days = 24 * 3600 * 1000
  env.after(60 * days, task)
  vi.advanceTimersByTime(60 * days - 1)
  expect(task).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(task).toHaveBeenCalledOnce()
})

test('a cancelled task never runs, however long its delay', () => {
  const task = vi.fn<() => void>()
  for (const delay of [10, 2 ** 33]) {
    const cancel = env.after(delay, task)
    vi.advanceTimersByTime(delay - 1)
    cancel()
    vi.advanceTimersByTime(2 ** 33)
  }
  expect(task).not.toHaveBeenCalled()
})

test('random numbers are integers below their bound, and reach both ends', () => {
  const seen = new Set(Array.from({ length: 1000 }, () => env.random(4)))
  expect(seen).toEqual(new Set([0, 1, 2, 3]))
  expect(env.random(1)).toBe(0)
  expect(Number.isSafeInteger(env.random(2 ** 48))).toBe(true)
  for (const bound of [0, -1, 1.5, NaN, 2 ** 48 + 1]) expect(() => env.random(bound)).toThrow(TypeError)
})

test('identifiers are lower-case UUIDs, each a new one', () => {
  const ids = Array.from({ length: 100 }, () => env.uuid())
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(new Set(ids).size).toBe(100)
})

test('the clock is that of the system', () => {
  expect(env.now()).toBe(1000)
  vi.useRealTimers()
  expect(env.elapsed()).toBeLessThanOrEqual(env.elapsed())
})

test('yielding lets timers and input through', async () => {
  vi.useRealTimers()
  const order: string[] = []
  const timer = new Promise<void>((resolve) => void env.after(0, () => (order.push('timer'), resolve())))
  for (let i = 0; i < 100_000 && order.length === 0; i++) await env.yield()
  order.push('yielded')
  await timer
  expect(order).toEqual(['timer', 'yielded'])
})
