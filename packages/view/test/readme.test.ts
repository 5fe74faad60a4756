import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { count, found } from './readme-example.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example in the README is one that runs', () => {
  const example = /```ts\n([^]*?)```/.exec(read('../README.md'))?.[1]
  const source = read('readme-example.ts').replace("'../src/index.ts'", "'@meru/view'")
  expect(source.replaceAll('export const', 'const')).toBe(example)
  expect(found).toEqual([
    { name: 'fig', colour: 'blue' },
    { name: 'pear', colour: 'green' },
  ])
  expect(count).toBe(2)
})
