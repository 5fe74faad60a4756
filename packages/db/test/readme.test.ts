import { readdirSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { DEFAULT_SETTINGS } from '../src/index.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const readme = read('../README.md')

/** What the source says of each setting, by name. */
function descriptions(): Map<string, string> {
  const body = /export interface Settings \{\n([^]*?)\n\}/.exec(read('../src/settings.ts'))?.[1] ?? ''
  const members = [...body.matchAll(/\/\*\*([^]*?)\*\/\n {2}readonly (\w+)/g)]
  return new Map(
    members.map(([, comment, name]) => [name, comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim()]),
  )
}

function shown(name: string, value: unknown): string {
  if (typeof value === 'number' && name.includes('Bytes')) {
    return value < 2 ** 20 ? `${value / 2 ** 10} KiB` : `${value / 2 ** 20} MiB`
  }
  return typeof value === 'object' ? `\`${inspect(value)}\`` : JSON.stringify(value)
}

test('the table of settings has every setting with its default and what the source says of it', () => {
  const said = descriptions()
  const expected = Object.entries(DEFAULT_SETTINGS).map(
    ([name, value]) => `| \`${name}\` | ${shown(name, value)} | ${said.get(name)} |`,
  )
  const section = /## Settings\n([^]*?)\n## /.exec(readme)?.[1] ?? ''
  expect(section.split('\n').filter((line) => line.startsWith('| `'))).toEqual(expected)
})

test('the channels are those that the source publishes on', () => {
  const channels = [...read('../src/diagnostics.ts').matchAll(/channel\('([^']+)'\)/g)].map(
    ([, name]) => name,
  )
  const section = /## Events\n([^]*?)\n## /.exec(readme)?.[1] ?? ''
  const named = [...section.matchAll(/^\| `(meru:[^`]+)`/gm)].map(([, name]) => name)
  expect(named).toEqual(channels)
})

test('the reading order has every file', () => {
  const section = /## Files in reading order\n([^]*?)\n## /.exec(readme)?.[1] ?? ''
  const named = [...section.matchAll(/`([\w-]+\.ts)`/g)].map(([, name]) => name)
  const files = readdirSync(new URL('../src', import.meta.url)).filter((name) => name !== 'index.ts')
  expect(named.toSorted()).toEqual(files.toSorted())
})
