import { open, table, t } from '@meru/db'
import { expect, onTestFinished, test } from 'vitest'
import { locationFor, resolveSnapshot } from '../src/iceberg-files.ts'
import { Duck } from '../src/sql.ts'
import { scratchDirectory } from './scratch.ts'

const birds = table(
  'birds',
  { ring: t.long(), 'it\'s a "name"': t.string().nullable(), at: t.timestamptz() },
  { key: ['ring'] },
)
const NAME = 'it\'s a "name"'

async function openDuck(): Promise<Duck> {
  const duck = await Duck.open()
  onTestFinished(() => duck.close())
  return duck
}

test('DuckDB sees the rows that are left, under any directory name', async () => {
  const path = `${scratchDirectory()}/it's 100% here`
  await using database = await open(path)
  const rows = await database.table(birds)
  const at = new Date('2026-01-02T03:04:05.678Z')
  await rows.putMany(Array.from({ length: 100 }, (_, i) => ({ ring: BigInt(i), [NAME]: `bird ${i}`, at })))
  await rows.flush()
  await rows.delete(7n)
  await rows.put({ ring: 8n, [NAME]: null, at })
  const { location, pathOf } = locationFor(`${path}/tables/birds`)
  const files = await resolveSnapshot((await rows.exportIceberg({ location })).metadataFile, pathOf)
  expect(files.positionDeletes.length).toBeGreaterThan(0)
  const duck = await openDuck()
  await duck.defineView(
    'birds',
    rows.schema.columns.map((column) => column.name),
    files,
  )
  expect(await duck.count('birds')).toBe(99)
  const answer = await duck.query('SELECT * FROM birds WHERE ring IN (6, 7, 8) ORDER BY ring')
  expect(answer.columns).toEqual(['ring', NAME, 'at'])
  expect(answer.rows.map(([ring, name]) => [ring, name])).toEqual([
    ['6', 'bird 6'],
    ['8', ''],
  ])
})

test('a table without rows is an empty view', async () => {
  await using database = await open(scratchDirectory())
  const rows = await database.table(birds)
  const files = await resolveSnapshot((await rows.exportIceberg()).metadataFile)
  const duck = await openDuck()
  await duck.defineView('birds', ['ring'], files)
  expect(await duck.count('birds')).toBe(0)
})
