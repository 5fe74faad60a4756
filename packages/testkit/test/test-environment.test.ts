import { expect, test } from 'vitest'
import { TestEnvironment } from '../src/index.ts'

test('the clock stands still until it is moved', () => {
  const env = new TestEnvironment({ seed: 1, now: 1000 })
  expect([env.now(), env.elapsed()]).toEqual([1000, 0])
  env.advance(250)
  expect([env.now(), env.elapsed()]).toEqual([1250, 250])
})

test('tasks run in the order of their times, each at its own', () => {
  const env = new TestEnvironment({ seed: 1, now: 0 })
  const ran: string[] = []
  const at = (name: string) => (): void => void ran.push(`${name} ${env.now()}`)
  env.after(30, at('c'))
  env.after(10, at('a'))
  env.after(10, () => {
    at('b')()
    env.after(5, at('d'))
  })
  env.after(20, at('cancelled'))()
  expect(env.waiting).toBe(3)
  env.advance(29)
  expect(ran).toEqual(['a 10', 'b 10', 'd 15'])
  env.advance(1)
  expect(ran.at(-1)).toBe('c 30')
  expect(env.waiting).toBe(0)
})

test('waiting for a promise moves the clock to the tasks that it needs, and no further', async () => {
  const env = new TestEnvironment({ seed: 1, now: 0 })
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void env.after(ms, resolve))
  const late: string[] = []
  env.after(10_000, () => late.push('late'))
  const result = await env.until(
    (async () => {
      await sleep(50)
      for (let i = 0; i < 40; i++) await env.yield()
      await sleep(50)
      return env.now()
    })(),
  )
  expect([result, env.now(), late]).toEqual([100, 100, []])
  await expect(env.until(Promise.reject(new Error('no')))).rejects.toThrow('no')
})

test('waiting outlasts what comes from outside, and tasks that are set only then', async () => {
  const env = new TestEnvironment({ seed: 1, now: 0 })
  const outside = new Promise<void>((resolve) => setImmediate(resolve))
  const result = env.until(
    outside.then(() => new Promise((resolve) => void env.after(70, () => resolve(env.now())))),
  )
  expect(await result).toBe(70)
})

test('a seed gives the same identifiers and numbers, and another seed others', () => {
  const draw = (seed: number): unknown[] => {
    const env = new TestEnvironment({ seed })
    return [env.uuid(), env.uuid(), env.random(1000), env.random(2 ** 48)]
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  const env = new TestEnvironment()
  const ids = Array.from({ length: 200 }, () => env.uuid())
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids).size).toBe(200)
})
