import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('the example of the README prints what it says', () => {
  const home = join(import.meta.dirname, '..')
  const example = /```ts\n([^]*?)```/.exec(readFileSync(join(home, 'README.md'), 'utf8'))?.[1] ?? ''
  const promised = example.split('\n').filter((line) => line.startsWith('// '))
  const flags = ['--conditions=@meru/source', '--input-type=module-typescript', '--eval', example]
  const run = spawnSync(process.execPath, flags, { cwd: home, encoding: 'utf8' })
  expect(run.stderr).toBe('')
  expect(run.stdout).toBe(promised.map((line) => `${line.slice(3)}\n`).join(''))
  expect(promised.length).toBeGreaterThan(0)
})
