import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  preparePythonReaders,
  type PythonReader,
  readTables,
  sortedLines,
  textRows,
} from '@meru/testkit/interop'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, open, t, type Table, table } from '../src/index.ts'

const TIMEOUT_MS = 180_000
const root = mkdtempSync(join(tmpdir(), 'meru-evolution-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const people = table(
  'people',
  {
    id: t.int(),
    name: t.string(),
    nick: t.string().nullable(),
    age: t.int(),
    score: t.float(),
    paid: t.decimal(9, 2),
    born: t.date(),
  },
  { key: ['id'] },
)
type People = Table<(typeof people)['$row'], (typeof people)['$insert'], number>
type Changed = Table<Record<string, unknown>>
type Person = (typeof people)['$row']

function person(id: number): Person {
  return {
    id,
    name: `name ${id}`,
    nick: id % 3 ? `n${id}` : null,
    age: id * 10,
    score: id / 4,
    paid: `${id}.50`,
    born: `20${String(id % 90).padStart(2, '0')}-02-28`,
  }
}

/** Changes that both format versions can tell of rows in older files. */
const PLAIN: Readonly<Record<string, (people: People) => Promise<unknown>>> = {
  'a nullable column': (p) => p.alter((a) => a.add('note', t.string().nullable())),
  'a dropped column': (p) => p.alter((a) => a.drop('nick')),
  'a column dropped and added': (p) => p.alter((a) => a.drop('nick').add('nick', t.string().nullable())),
  'a renamed column': (p) => p.alter((a) => a.rename({ age: 'years' })),
  'two names swapped': (p) => p.alter((a) => a.rename({ name: 'nick', nick: 'name' })),
  'another order': (p) => p.alter((a) => a.move('paid', 'first').move('id', 'last')),
  'wider types': (p) =>
    p.alter((a) => a.widen('age', t.long()).widen('score', t.double()).widen('paid', t.decimal(18, 2))),
  'a column that may be null': (p) => p.alter((a) => a.makeNullable('name')),
}
const DATE = 'a date that becomes a timestamp'
/** Changes that version 2 can only tell of rows that are written anew. */
const FILLED: typeof PLAIN = {
  'a required column with a default': (p) => p.alter((a) => a.add('level', t.int().default(7))),
  [DATE]: (p) => p.alter((a) => a.widen('born', t.timestamp())),
  'a nullable column with a default': (p) => p.alter((a) => a.add('tag', t.string().nullable().default('x'))),
}

/** What `scan()` gave at the moment of an export, and where the export is. */
interface Exported {
  readonly name: string
  readonly formatVersion: 2 | 3
  readonly table: string
  readonly snapshot: number
  readonly lines: readonly string[]
}

const exported: Exported[] = []
const missing = await preparePythonReaders()

async function exportNow(
  name: string,
  directory: string,
  from: Table<never, never, never>,
  options: { formatVersion: 2 | 3; rewrite?: boolean },
): Promise<void> {
  const changed = from as unknown as Changed
  const rows = await changed.scan().toArray()
  const { snapshotId } = await changed.exportIceberg(options)
  const lines = sortedLines(textRows(changed.schema, rows))
  const { formatVersion } = options
  exported.push({
    name,
    formatVersion,
    table: join(directory, 'tables', 'people'),
    snapshot: snapshotId,
    lines,
  })
}

/** Exports before a change, after it, with rows of both schemas, and after a merge. */
async function runChange(
  name: string,
  change: (people: People) => Promise<unknown>,
  formatVersion: 2 | 3,
  isRewritten: boolean,
): Promise<void> {
  const directory = join(root, `${formatVersion} ${name}`.replaceAll(' ', '-'))
  await using db: Database = await open(directory, { settings: { workers: 0, icebergSnapshotsKept: 10 } })
  const before = await db.table(people)
  await before.putMany(Array.from({ length: 20 }, (_, id) => person(id)))
  await before.flush()
  await before.delete(3)
  await exportNow(`${name}: before`, directory, before as never, { formatVersion })
  await before.put(person(50))
  const after = (await change(before)) as Changed
  if (isRewritten) {
    await expect(after.exportIceberg({ formatVersion })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('or with { rewrite: true }'),
    })
  }
  await exportNow(`${name}: after`, directory, after as never, { formatVersion, rewrite: isRewritten })
  const [one] = await after.scan({ limit: 1 }).toArray()
  await after.put({ ...one, id: 100 })
  await after.delete(4)
  await exportNow(`${name}: with new rows`, directory, after as never, {
    formatVersion,
    rewrite: isRewritten,
  })
  await after.compact()
  await exportNow(`${name}: merged`, directory, after as never, { formatVersion })
}

beforeAll(async () => {
  for (const [name, change] of Object.entries({ ...PLAIN, ...FILLED })) {
    await runChange(name, change, 2, name in FILLED)
    await runChange(name, change, 3, false)
  }
}, TIMEOUT_MS)

/** What a reader does not know; it is read after a merge, when no file of the schema before is left. */
function isBeyond(reader: PythonReader, { name, formatVersion }: Exported): boolean {
  const isDate = name.startsWith(DATE) && !name.endsWith('before') && !name.endsWith('merged')
  return reader === 'pyiceberg' && formatVersion === 3 && isDate
}
process.stderr.write('pyiceberg 0.12 does not read a date as a timestamp: those exports are left to others\n')

const readers = (Object.keys(missing) as PythonReader[]).map((reader) => {
  const reason = missing[reader]
  return { reader, reason, title: reason === undefined ? reader : `${reader}, left out: ${reason}` }
})
for (const { reason, title } of readers) if (reason !== undefined) process.stderr.write(`${title}\n`)

test('every change was exported in both format versions, four times', () => {
  expect(exported).toHaveLength(11 * 2 * 4)
})

describe.each(readers)('$title', ({ reader, reason }) => {
  test.skipIf(reason !== undefined)(
    'shows after each change, and of the snapshots before it, the rows and names of scan()',
    async () => {
      const seen = exported.filter((each) => !isBeyond(reader, each))
      expect(seen.length).toBeGreaterThanOrEqual(exported.length - 2)
      const answers = await readTables(
        seen.map(({ table: directory, snapshot }) => ({ reader, table: directory, snapshot })),
      )
      for (const [i, { name, formatVersion, lines }] of seen.entries()) {
        expect({ name, formatVersion, lines: sortedLines(answers[i]) }).toEqual({
          name,
          formatVersion,
          lines,
        })
      }
    },
    TIMEOUT_MS,
  )
})
