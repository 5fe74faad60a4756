import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example in the README is one that runs', async () => {
  const example = /```ts\n([^]*?)```/.exec(read('../README.md'))?.[1]
  const source = read('readme-example.ts').replace("'../src/index.ts'", "'@meru/formats'")
  expect(source.replaceAll('export const', 'const')).toBe(example)
  const directory = mkdtempSync(join(tmpdir(), 'meru-formats-'))
  const home = process.cwd()
  process.chdir(directory)
  try {
    const { loaded, name } = await import('./readme-example.ts')
    expect(loaded).toBe(2)
    expect(name).toBe('Bern, BE')
  } finally {
    process.chdir(home)
    rmSync(directory, { recursive: true, force: true })
  }
})
