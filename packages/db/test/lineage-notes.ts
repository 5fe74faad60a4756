import type { FileSystem } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { TestEnvironment } from '@meru/testkit'
import { expect } from 'vitest'
import {
  open,
  type OpenOptions,
  type Settings,
  t,
  type Table,
  table,
  type TableDefinition,
} from '../src/index.ts'
import { type Lineage, readLineage } from './lineage-reader.ts'

interface Note {
  id: number
  text: string
}

export const NOTES: TableDefinition<'notes', Note, Note, number> = table(
  'notes',
  { id: t.int(), text: t.string() },
  { key: ['id'] },
)
export type Notes = Table<Note, Note, number>
export const QUIET: Partial<Settings> = { workers: 0, autoCompaction: false, obsoleteGraceMs: 0 }

/** Openings of one file system need one environment: another one would make the same file names again. */
export async function openNotes(
  fs: FileSystem,
  settings: Partial<Settings> = {},
  env: TestEnvironment = new TestEnvironment(),
): Promise<Notes> {
  const components: OpenOptions['components'] = { fs, env }
  const db = await open('memory', { settings: { ...QUIET, ...settings }, components })
  return await db.table(NOTES)
}

export async function write(notes: Notes, from: number, to: number, text = 'note'): Promise<void> {
  await notes.putMany(
    Array.from({ length: to - from }, (_, i) => ({ id: from + i, text: `${text} ${from + i}` })),
  )
  await notes.flush()
}

/** What readers see of each row, by key. Every version of a row has a text of its own, so no two rows are taken for one. */
export async function published(
  notes: Notes,
  fs: FileSystem,
  metadataFile: string,
): Promise<Map<unknown, Lineage>> {
  const { violations } = await checkTable(fs, 'tables/notes')
  expect(violations).toEqual([])
  const rows = await readLineage(fs, metadataFile, ({ id, text }) => `${String(id)} ${String(text)}`)
  const seen = await notes.scan().toArray()
  return new Map(seen.map(({ id, text }) => [id, rows.get(`${id} ${text}`) as Lineage]))
}

export async function publish(notes: Notes, fs: FileSystem): Promise<Map<unknown, Lineage>> {
  const { metadataFile } = await notes.exportIceberg({ formatVersion: 3 })
  return published(notes, fs, metadataFile)
}

export async function dataFiles(fs: FileSystem): Promise<string[]> {
  const names = await fs.list('tables/notes/data')
  const files = await Promise.all(names.map((name) => fs.readFile(`tables/notes/data/${name}`)))
  return files.map((bytes) => Buffer.from(bytes ?? []).toString('latin1'))
}

export function only(all: ReadonlyMap<unknown, Lineage>, ids: (id: number) => boolean): [unknown, Lineage][] {
  return [...all].filter(([id]) => ids(Number(id))).sort(([a], [b]) => Number(a) - Number(b))
}
