import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryFs, NodeFs } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { open, rebaseIceberg, t, table } from '../src/index.ts'
import { dataFiles, NOTES, type Notes, only, openNotes, publish, QUIET, write } from './lineage-notes.ts'
import { type Lineage, readLineage } from './lineage-reader.ts'

test('files of version 2 lend ids from the upgrade on, and merges keep them', async () => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 20)
  await write(notes, 20, 40)
  await notes.exportIceberg({ formatVersion: 2 })
  await write(notes, 5, 8, 'changed')
  await notes.exportIceberg()
  await write(notes, 40, 50)
  const upgraded = await publish(notes, fs)
  expect(new Set([...upgraded.values()].map(({ rowId }) => rowId)).size).toBe(50)
  expect(upgraded.get(0)?.updated).toBe(1)
  expect(upgraded.get(6)?.updated).toBe(2)
  expect(upgraded.get(45)?.updated).toBe(3)
  await notes.compact()
  expect(only(await publish(notes, fs), () => true)).toEqual(only(upgraded, () => true))
  await notes.database.close()
})

test('an upgrade without a snapshot of its own gives out no id before the next one', async () => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 20)
  const { version } = await notes.exportIceberg({ formatVersion: 2 })
  const upgrade = await notes.exportIceberg({ formatVersion: 3 })
  expect(upgrade.version).toBe(version + 1)
  await write(notes, 20, 30)
  await notes.compact()
  const first = await publish(notes, fs)
  expect(new Set([...first.values()].map(({ rowId }) => rowId)).size).toBe(30)
  await write(notes, 30, 31)
  await notes.compact()
  expect(only(await publish(notes, fs), (id) => id < 30)).toEqual(only(first, () => true))
  await notes.database.close()
})

test('ids that files keep are taken, also for a table that was published anew in version 2', async () => {
  const fs = new MemoryFs()
  const env = new TestEnvironment()
  const notes = await openNotes(fs, {}, env)
  await write(notes, 0, 30)
  await publish(notes, fs)
  await write(notes, 30, 60)
  await notes.compact()
  const before = await publish(notes, fs)
  await notes.database.close()
  for (const name of await fs.list('tables/notes/metadata')) await fs.remove(`tables/notes/metadata/${name}`)
  const again = await openNotes(fs, {}, env)
  await again.exportIceberg({ formatVersion: 2 })
  await write(again, 60, 90)
  const anew = await publish(again, fs)
  expect(new Set([...anew.values()].map(({ rowId }) => rowId)).size).toBe(90)
  expect(only(anew, (id) => id < 30)).toEqual(only(before, (id) => id < 30))
  await again.database.close()
})

test('the checker looks at ids that files keep', async () => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 20)
  await publish(notes, fs)
  await write(notes, 20, 30)
  await notes.compact()
  const { metadataFile } = await notes.exportIceberg()
  await notes.database.close()
  const path = metadataFile.slice(metadataFile.indexOf('tables/'))
  const text = new TextDecoder().decode(await fs.readFile(path))
  // As if the last snapshot had given out fewer ids than its file keeps.
  const changed = text.replaceAll(/"first-row-id":\d+,"added-rows":\d+/g, '"first-row-id":0,"added-rows":10')
  expect(changed).not.toBe(text)
  const handle = await fs.create(path, { exclusive: false })
  await handle.write(new TextEncoder().encode(changed), 0)
  await handle.close()
  const { violations } = await checkTable(fs, 'tables/notes')
  expect(violations).toContainEqual({
    rule: 'row-id',
    file: expect.any(String),
    problem: expect.stringMatching(/^row 19 of .* has row id 19, never given out$/),
  })
})

const LETTERS = table(
  'letters',
  {
    id: t.int(),
    mark: t.string(),
    lines: t.list(t.struct({ sku: t.string(), n: t.int().nullable() })),
    tags: t.map(t.string(), t.string().nullable()),
    old: t.int(),
    named: t.string().nullable(),
  },
  { key: ['id'] },
)

test('nested columns, columns that come, go and change their names: ids stay, and no reader of Meru sees them', async () => {
  const fs = new MemoryFs()
  const db = await open('memory', { settings: QUIET, components: { fs, env: new TestEnvironment() } })
  const letters = await db.table(LETTERS)
  const lines = (id: number): { sku: string; n: number | null }[] =>
    Array.from({ length: id % 3 }, (_, i) => ({ sku: `${id}-${i}`, n: i === 0 ? null : id }))
  const rows = (from: number, to: number): (typeof LETTERS)['$insert'][] =>
    Array.from({ length: to - from }, (_, i) => from + i).map((id) => ({
      id,
      mark: `m${id}`,
      lines: lines(id),
      tags: new Map(id % 2 === 0 ? [] : [['k', null]]),
      old: id,
      named: `n${id}`,
    }))
  const publishAll = async (of: Pick<Notes, 'exportIceberg'>): Promise<Map<string, Lineage>> => {
    const { metadataFile } = await of.exportIceberg({ formatVersion: 3 })
    expect((await checkTable(fs, 'tables/letters')).violations).toEqual([])
    return await readLineage(fs, metadataFile, (row) => String(row['mark']))
  }
  await letters.putMany(rows(0, 100))
  await letters.flush()
  const first = await publishAll(letters)
  await letters.putMany(rows(100, 130))
  await letters.delete(50)
  await letters.flush()
  await letters.compact()
  const merged = await publishAll(letters)
  first.delete('m50')
  for (const [mark, lineage] of first) expect(merged.get(mark)).toEqual(lineage)
  const changed = await letters.alter((a) =>
    a.drop('old').add('fresh', t.int().default(7)).rename({ named: 'name' }).drop('tags'),
  )
  await changed.put({ id: 130, mark: 'm130', lines: [], name: null })
  await changed.compact()
  const last = await publishAll(changed)
  for (const [mark, lineage] of merged) expect(last.get(mark)).toEqual(lineage)

  const seen = await changed.scan().toArray()
  expect(seen).toHaveLength(130)
  for (const row of seen) expect(Object.keys(row)).toEqual(['id', 'mark', 'lines', 'name', 'fresh'])
  expect(seen[20]).toEqual({ id: 20, mark: 'm20', lines: lines(20), name: 'n20', fresh: 7 })
  expect(await changed.get(21)).toEqual({ id: 21, mark: 'm21', lines: lines(21), name: 'n21', fresh: 7 })
  for await (const batch of changed.scan().batches()) {
    expect(batch.columns).toEqual(['id', 'mark', 'lines', 'name', 'fresh'])
  }
  expect(() => changed.scan({ select: ['_row_id' as 'mark'] })).toThrow(/_row_id/)
  await db.close()
})

describe('an export elsewhere in version 3', () => {
  const target = (): MemoryFs => Object.assign(new MemoryFs(), { root: 'memory:/target' })

  test('numbers the rows by itself while the table is not published in version 3 in place', async () => {
    const fs = new MemoryFs()
    const to = target()
    const notes = await openNotes(fs)
    await write(notes, 0, 20)
    await notes.exportIceberg({ formatVersion: 2 })
    await notes.exportIceberg({ to, formatVersion: 3 })
    await write(notes, 20, 40)
    await notes.compact()
    await notes.exportIceberg({ to })
    expect((await checkTable(to, '')).violations).toEqual([])
    for (const file of await dataFiles(fs)) expect(file).not.toContain('_row_id')
    await notes.database.close()
  })

  test.each(['copy', 'reference'] as const)('is refused while it is (%s)', async (mode) => {
    const fs = new MemoryFs()
    const to = target()
    const notes = await openNotes(fs)
    await write(notes, 0, 20)
    await publish(notes, fs)
    const refused = notes.exportIceberg({ to, mode, formatVersion: 3 })
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(
        /published in format version 3 in its own directory.*formatVersion 2.*rebaseIceberg/,
      ),
    })
    expect(await to.list('metadata')).toEqual([])
    // Version 2 knows no row ids: the columns are none of its readers' business.
    await write(notes, 20, 40)
    await notes.compact()
    const { liveRows } = await notes.exportIceberg({ to, mode })
    expect(liveRows).toBe(40)
    const outside = (uri: string): { fs: MemoryFs; path: string } => ({
      fs,
      path: uri.slice(uri.indexOf('/tables/') + 1),
    })
    expect((await checkTable(to, '', outside)).violations).toEqual([])
    await notes.database.close()
  })

  test('starts above ids that files keep, and takes in none that are not its own', async () => {
    const fs = new MemoryFs()
    const to = target()
    const env = new TestEnvironment()
    let notes = await openNotes(fs, {}, env)
    await write(notes, 0, 20)
    await notes.exportIceberg({ to, formatVersion: 3 })
    await publish(notes, fs)
    await write(notes, 20, 40)
    await notes.compact()
    await publish(notes, fs)
    await notes.database.close()
    for (const name of await fs.list('tables/notes/metadata'))
      await fs.remove(`tables/notes/metadata/${name}`)
    notes = await openNotes(fs, {}, env)
    await expect(notes.exportIceberg({ to })).rejects.toThrow(/has given out ids already.*empty directory/)
    const other = Object.assign(new MemoryFs(), { root: 'memory:/other' })
    await write(notes, 40, 50)
    await notes.exportIceberg({ to: other, formatVersion: 3 })
    expect((await checkTable(other, '')).violations).toEqual([])
    await notes.database.close()
  })
})

test('a copy of the directory that is rebased has the same ids', async () => {
  const root = mkdtempSync(join(tmpdir(), 'meru-lineage-copy-'))
  const fs = new NodeFs(join(root, 'here'))
  const db = await open(fs.root, { settings: QUIET })
  const notes = await db.table(NOTES)
  await write(notes, 0, 30)
  await publish(notes, fs)
  await write(notes, 30, 40)
  await notes.compact()
  const here = await publish(notes, fs)
  await db.close()
  cpSync(join(root, 'here/tables/notes'), join(root, 'there/tables/notes'), { recursive: true })
  const { metadataFile } = await rebaseIceberg(join(root, 'there/tables/notes'))
  const there = new NodeFs(join(root, 'there'))
  expect((await checkTable(there, 'tables/notes')).violations).toEqual([])
  const rows = await readLineage(there, metadataFile, ({ id }) => String(id))
  expect([...rows]).toHaveLength(40)
  for (const [id, lineage] of here) expect(rows.get(String(id))).toEqual(lineage)
  rmSync(root, { recursive: true })
})
