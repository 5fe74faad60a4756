import { expect, test } from 'vitest'
import { ProcessEnvironment, TestEnvironment } from '../src/index.ts'

test('timers of a process come due in its time, and not after its end', () => {
  const env = new TestEnvironment({ seed: 1 })
  const [first, second] = [new ProcessEnvironment(env), new ProcessEnvironment(env)]
  const due: string[] = []
  first.after(10, () => due.push('first, 10'))
  first.after(20, () => due.push('first, 20'))
  second.after(20, () => due.push('second, 20'))
  const cancel = second.after(15, () => due.push('cancelled'))
  cancel()
  env.advance(10)
  first.end()
  first.after(1, () => due.push('after its end'))
  env.advance(100)
  expect(due).toEqual(['first, 10', 'second, 20'])
  expect(env.waiting).toBe(0)
})
