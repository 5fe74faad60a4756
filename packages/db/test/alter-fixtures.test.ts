import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../src/index.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures', 'schema-change')

const BEFORE = [
  { id: 1, name: 'heron', weight: 1.5, seen: 3 },
  { id: 2, name: 'owl', weight: 0.25, seen: null },
  { id: 3, name: 'wren', weight: Math.fround(0.01), seen: 9 },
]
const WITH = [
  { id: 1, species: 'heron', weight: 1.5, rings: 7 },
  { id: 2, species: 'eagle owl', weight: 2.5, rings: 7 },
  { id: 3, species: 'wren', weight: Math.fround(0.01), rings: 7 },
]

test.each([
  ['before', 0, BEFORE],
  ['with', 1, WITH],
  ['after', 1, [...WITH, { id: 4, species: 'kite', weight: 1, rings: 0 }]],
] as const)('a directory written %s a change opens and reads right', async (name, schemaId, rows) => {
  const directory = mkdtempSync(join(tmpdir(), 'meru-schema-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  cpSync(join(FIXTURES, name), directory, { recursive: true })
  mkdirSync(join(directory, 'tables', 'birds', 'deletes'), { recursive: true })
  await using db = await open(directory, { settings: { workers: 0 } })
  const birds = await db.storedTable('birds')
  expect(birds?.schema.schemaId).toBe(schemaId)
  expect(await birds?.scan().toArray()).toEqual(rows)
  await birds?.compact()
  expect(await birds?.scan().toArray()).toEqual(rows)
})
