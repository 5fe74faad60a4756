// Pages that repeat what the source says, say all of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS_PAGE, settingsPage } from './settings-page.ts'

const ROOT = join(import.meta.dirname, '..')

test('the page of settings is as the settings are', () => {
  expect(readFileSync(SETTINGS_PAGE, 'utf8'), 'run `npx -y pnpm@12 settings:page`').toBe(settingsPage())
})

test('the page of errors has every code', () => {
  const source = readFileSync(join(ROOT, 'packages/core/src/errors.ts'), 'utf8')
  const codes = [...source.matchAll(/^  \| '([A-Z_]+)'/gm)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(9)
  const page = readFileSync(join(ROOT, 'docs/guide/errors.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)
  expect(listed.toSorted()).toEqual(codes.toSorted())
})
