import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { shown } from './readme-example.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example in the README is one that runs', () => {
  const example = /```ts\n([^]*?)```/.exec(read('../README.md'))?.[1]
  const source = read('readme-example.ts').replace("'../src/index.ts'", "'@meru/fs'")
  expect(source.replace(/\nexport const shown.*\n/, '')).toBe(example)
  expect(shown).toEqual([true, ['manifest'], Uint8Array.of(1, 2, 3)])
})
