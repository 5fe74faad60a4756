import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open } from '../src/index.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

const BIRDS_BEFORE = [
  { id: 1, name: 'heron', weight: 1.5, seen: 3 },
  { id: 2, name: 'owl', weight: 0.25, seen: null },
  { id: 3, name: 'wren', weight: Math.fround(0.01), seen: 9 },
]
const BIRDS_WITH = [
  { id: 1, species: 'heron', weight: 1.5, rings: 7 },
  { id: 2, species: 'eagle owl', weight: 2.5, rings: 7 },
  { id: 3, species: 'wren', weight: Math.fround(0.01), rings: 7 },
]
const NESTS_BEFORE = [
  {
    id: 1,
    place: { tree: 'oak', height: 7.5, note: 'old' },
    eggs: [
      { grams: 60, laid: '2024-04-01' },
      { grams: 58, laid: null },
    ],
    visits: new Map([['may', { count: 2 }]]),
  },
  { id: 2, place: null, eggs: [], visits: new Map() },
  {
    id: 3,
    place: { tree: 'fir', height: Math.fround(0.1), note: null },
    eggs: [{ grams: 9, laid: null }],
    visits: new Map(),
  },
]
const NESTS_WITH = [
  {
    id: 1,
    place: { note: 'oak', height: 7.5 },
    eggs: [
      { color: null, grams: 60n, laid: '2024-04-01' },
      { color: null, grams: 58n, laid: null },
    ],
    visits: new Map([['may', { times: 2 }]]),
  },
  {
    id: 2,
    place: { note: 'elm', height: 2 ** -30 },
    eggs: [{ color: 'blue', grams: 2n ** 40n, laid: null }],
    visits: new Map([['june', { times: 1 }]]),
  },
  {
    id: 3,
    place: { note: 'fir', height: Math.fround(0.1) },
    eggs: [{ color: null, grams: 9n, laid: null }],
    visits: new Map(),
  },
]
const LAST_NEST = { id: 4, place: null, eggs: [], visits: new Map([['july', { times: 5 }]]) }

describe.each([
  ['schema-change', 'birds', BIRDS_BEFORE, BIRDS_WITH, { id: 4, species: 'kite', weight: 1, rings: 0 }],
  ['nested-change', 'nests', NESTS_BEFORE, NESTS_WITH, LAST_NEST],
])('of %s', (fixture, name, before, changed, last) => {
  test.each([
    ['before', 0, before],
    ['with', 1, changed],
    ['after', 1, [...changed, last]],
  ] as const)('a directory written %s a change opens and reads right', async (moment, schemaId, rows) => {
    const directory = mkdtempSync(join(tmpdir(), 'meru-schema-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    cpSync(join(FIXTURES, fixture, moment), directory, { recursive: true })
    mkdirSync(join(directory, 'tables', name, 'deletes'), { recursive: true })
    await using db = await open(directory, { settings: { workers: 0 } })
    const stored = await db.storedTable(name)
    expect(stored?.schema.schemaId).toBe(schemaId)
    expect(await stored?.scan().toArray()).toEqual(rows)
    for (const row of rows) expect(await stored?.get(row.id)).toEqual(row)
    await stored?.compact()
    expect(await stored?.scan().toArray()).toEqual(rows)
  })
})
