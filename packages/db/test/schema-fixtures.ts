// Writes the directories of `fixtures/schema-change`; see the page beside them.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, t, table } from '../src/index.ts'

const ROOT = join(import.meta.dirname, 'fixtures', 'schema-change')

const birds = table(
  'birds',
  { id: t.int(), name: t.string(), weight: t.float(), seen: t.int().nullable() },
  { key: ['id'] },
)

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'meru-fixture-'))
  rmSync(ROOT, { recursive: true, force: true })
  mkdirSync(ROOT, { recursive: true })
  const isKept = (path: string): boolean => !path.endsWith('LOCK')
  const keep = (name: string): void => cpSync(work, join(ROOT, name), { recursive: true, filter: isKept })
  const settings = { workers: 0, walPreallocate: false, walSegmentBytes: 128 * 1024 }
  const db = await open(work, { settings })
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
  await db.close()
  keep('after')
  rmSync(work, { recursive: true, force: true })
}

if (import.meta.main) await main()
