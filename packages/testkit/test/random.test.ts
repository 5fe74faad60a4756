import { expect, test } from 'vitest'
import { Random } from '../src/index.ts'

test('the numbers of a seed never change', () => {
  const random = new Random(1)
  expect([random.uint32(), random.uint32(), random.below(1000), random.int64()]).toMatchInlineSnapshot(`
    [
      194122539,
      2790205013,
      577,
      7647191776089750492n,
    ]
  `)
})

test('each number is equally likely, and every bound is kept', () => {
  const random = new Random('even')
  for (const bound of [1, 2, 3, 10]) {
    const counts = Array.from({ length: bound }, () => 0)
    for (let i = 0; i < 10_000; i++) counts[random.below(bound)]++
    for (const count of counts) expect(Math.abs(count - 10_000 / bound)).toBeLessThan(300)
  }
  for (let i = 0; i < 1000; i++) {
    const large = random.below(2 ** 48)
    expect(Number.isSafeInteger(large) && large >= 0 && large < 2 ** 48).toBe(true)
    const range = random.between(-3, 3)
    expect(Number.isInteger(range) && range >= -3 && range <= 3).toBe(true)
    const float = random.float()
    expect(float >= 0 && float < 1).toBe(true)
  }
  expect(() => random.below(0)).toThrow(TypeError)
})

test('weights say how often, shuffles keep the items', () => {
  const random = new Random(3)
  const counts = { often: 0, seldom: 0, never: 0 }
  for (let i = 0; i < 4000; i++) {
    counts[
      random.weighted([
        [3, 'often'],
        [1, 'seldom'],
        [0, 'never'],
      ] as const)
    ]++
  }
  expect(counts.never).toBe(0)
  expect(Math.abs(counts.often - 3000)).toBeLessThan(200)
  const items = Array.from({ length: 50 }, (_, i) => i)
  const shuffled = random.shuffle(items)
  expect(shuffled).not.toEqual(items)
  expect(shuffled.toSorted((a, b) => a - b)).toEqual(items)
})

test('a fork is independent of what its parent draws later', () => {
  const first = new Random(9)
  const second = new Random(9)
  const a = first.fork()
  const b = second.fork()
  first.bytes(100)
  expect(a.bytes(20)).toEqual(b.bytes(20))
  expect(a.bytes(20)).not.toEqual(new Random(9).bytes(20))
})
