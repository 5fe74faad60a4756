import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { meru, meruOk } from './command-line.ts'

const COMMANDS = ['import', 'get', 'scan', 'tables', 'schema', 'stats', 'export', 'verify']

test('the overview names every command', async () => {
  const text = await meruOk('--help')
  for (const name of COMMANDS) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'))
  expect(await meru([])).toEqual({ exitCode: 2, stdout: '', stderr: text })
})

test.each(COMMANDS)('meru %s --help fits into 80 columns and needs no arguments', async (name) => {
  const text = await meruOk(name, '--help')
  expect(text).toMatch(new RegExp(`^usage: meru ${name} `))
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(await meruOk('help', name)).toBe(text)
})

test('the version is that of the package', async () => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  expect(await meruOk('--version')).toBe(`${version}\n`)
})

test('the guide shows every command and every option of its own', async () => {
  const guide = readFileSync(new URL('../../../docs/guide/cli.md', import.meta.url), 'utf8')
  for (const name of COMMANDS) {
    expect(guide).toContain(`meru ${name}`)
    const options = [...(await meruOk(name, '--help')).matchAll(/^ {2}--(\w+)/gm)].map(([, option]) => option)
    for (const option of options) expect(guide, `meru ${name} --${option}`).toContain(`--${option}`)
  }
})
