import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { died } from './readme-example.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example in the README is one that runs', () => {
  const example = /```ts\n([^]*?)```/.exec(read('../README.md'))?.[1]
  const source = read('readme-example.ts').replace("'../src/index.ts'", "'@meru/compaction'")
  expect(source.replace('export const', 'const')).toBe(example)
  expect(died).toEqual([{ id: 'first', positions: Uint32Array.of(1) }])
})
