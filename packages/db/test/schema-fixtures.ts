// Writes the directories of `fixtures/<name>`, of those names that are given; see the pages beside them.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, t, table } from '../src/index.ts'

const ROOT = join(import.meta.dirname, 'fixtures')

const birds = table(
  'birds',
  { id: t.int(), name: t.string(), weight: t.float(), seen: t.int().nullable() },
  { key: ['id'] },
)

/** A shape whose parts are changed from within: structs alone, in lists and in maps. */
const nests = table(
  'nests',
  {
    id: t.int(),
    place: t.struct({ tree: t.string(), height: t.float(), note: t.string().nullable() }).nullable(),
    eggs: t.list(t.struct({ grams: t.int(), laid: t.date().nullable() })),
    visits: t.map(t.string(), t.struct({ count: t.int() })),
  },
  { key: ['id'] },
)

type Keep = (name: 'before' | 'with') => void

/** What is done to a new database, to be closed at the end; `keep` copies it as it is. */
const HISTORIES: Readonly<Record<string, (db: Database, keep: Keep) => Promise<void>>> = {
  'schema-change': async (db, keep) => {
    const before = await db.table(birds)
    await before.putMany([
      { id: 1, name: 'heron', weight: 1.5, seen: 3 },
      { id: 2, name: 'owl', weight: 0.25, seen: null },
    ])
    await before.flush()
    await before.put({ id: 3, name: 'wren', weight: 0.01, seen: 9 })
    keep('before')
    const after = await before.alter((a) =>
      a.rename({ name: 'species' }).widen('weight', t.double()).drop('seen').add('rings', t.int().default(7)),
    )
    await after.put({ id: 2, species: 'eagle owl', weight: 2.5 })
    keep('with')
    await after.put({ id: 4, species: 'kite', weight: 1, rings: 0 })
  },
  'nested-change': async (db, keep) => {
    const before = await db.table(nests)
    await before.putMany([
      {
        id: 1,
        place: { tree: 'oak', height: 7.5, note: 'old' },
        eggs: [{ grams: 60, laid: '2024-04-01' }, { grams: 58 }],
        visits: new Map([['may', { count: 2 }]]),
      },
      { id: 2, place: null, eggs: [], visits: new Map() },
    ])
    await before.flush()
    await before.put({ id: 3, place: { tree: 'fir', height: 0.1 }, eggs: [{ grams: 9 }], visits: new Map() })
    keep('before')
    const after = await before.alter((a) =>
      a
        .within('place', (s) => s.drop('note').rename({ tree: 'note' }).widen('height', t.double()))
        .within('eggs', (s) =>
          s.widen('grams', t.long()).add('color', t.string().nullable()).move('color', 'first'),
        )
        .within('visits', (s) => s.rename({ count: 'times' })),
    )
    await after.put({
      id: 2,
      place: { note: 'elm', height: 2 ** -30 },
      eggs: [{ grams: 2n ** 40n, color: 'blue', laid: null }],
      visits: new Map([['june', { times: 1 }]]),
    })
    keep('with')
    await after.put({ id: 4, place: null, eggs: [], visits: new Map([['july', { times: 5 }]]) })
  },
}

async function write(name: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'meru-fixture-'))
  const isKept = (path: string): boolean => !path.endsWith('LOCK')
  const keep = (moment: string): void => {
    const into = join(ROOT, name, moment)
    rmSync(into, { recursive: true, force: true })
    mkdirSync(into, { recursive: true })
    cpSync(work, into, { recursive: true, filter: isKept })
  }
  const db = await open(work, {
    settings: { workers: 0, walPreallocate: false, walSegmentBytes: 128 * 1024 },
  })
  await HISTORIES[name](db, keep)
  await db.close()
  keep('after')
  rmSync(work, { recursive: true, force: true })
}

if (import.meta.main) for (const name of process.argv.slice(2)) await write(name)
