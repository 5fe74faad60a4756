import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileSystem, MemoryFs, NodeFs } from '@meru/fs'
import { type Call, InterceptedFs, TestEnvironment } from '@meru/testkit'
import { afterAll, expect, test } from 'vitest'
import { open, t, table } from '../src/index.ts'
import { deferred } from '../src/deferred.ts'
import {
  dataFiles,
  NOTES,
  type Notes,
  only,
  openNotes,
  publish,
  published,
  QUIET,
  write,
} from './lineage-notes.ts'

const root = mkdtempSync(join(tmpdir(), 'meru-lineage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('a compaction changes no row id and no sequence number', async () => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 40)
  await write(notes, 40, 80)
  const first = await publish(notes, fs)
  await write(notes, 10, 15, 'changed')
  await notes.deleteMany([20, 60])
  const second = await publish(notes, fs)
  const isOld = (id: number): boolean => id < 10 || id >= 15
  expect(only(second, isOld)).toEqual(only(first, (id) => isOld(id) && id !== 20 && id !== 60))
  for (const [id, { rowId, updated }] of only(second, (each) => !isOld(each))) {
    expect(rowId, `row ${String(id)}`).toBeGreaterThanOrEqual(80)
    expect(updated).toBe(2)
  }

  await notes.compact()
  expect(only(await publish(notes, fs), () => true)).toEqual(only(second, () => true))
  // A file that keeps ids is an input of the next compaction, beside one that lends its own.
  await write(notes, 80, 90)
  const fourth = await publish(notes, fs)
  await write(notes, 0, 5, 'again')
  await notes.compact()
  const last = await publish(notes, fs)
  expect(only(last, (id) => id >= 5)).toEqual(only(fourth, (id) => id >= 5))
  for (const [, { updated }] of only(last, (id) => id < 5)) expect(updated).toBe(5)
  await notes.database.close()
})

test('rows that were merged before they were published get ids with their first snapshot', async () => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 20)
  await publish(notes, fs)
  await write(notes, 20, 30)
  await notes.compact()
  const merged = await publish(notes, fs)
  expect(only(merged, (id) => id < 20).map(([, { rowId, updated }]) => [rowId, updated])).toEqual(
    Array.from({ length: 20 }, (_, i) => [i, 1]),
  )
  for (const [, { updated }] of only(merged, (id) => id >= 20)) expect(updated).toBe(2)
  await notes.compact()
  expect(only(await publish(notes, fs), () => true)).toEqual(only(merged, () => true))
  await notes.database.close()
})

test.each([undefined, 2] as const)('a table published in version %s keeps nothing', async (formatVersion) => {
  const fs = new MemoryFs()
  const notes = await openNotes(fs)
  await write(notes, 0, 20)
  if (formatVersion !== undefined) await notes.exportIceberg({ formatVersion })
  await write(notes, 10, 30)
  await notes.compact()
  for (const file of await dataFiles(fs)) expect(file).not.toContain('_row_id')
  await notes.database.close()
})

test('ids stay over reopening, worker threads and a wider schema', async () => {
  const fs = new NodeFs(join(root, 'threads'))
  const settings = { ...QUIET, workers: 1, inlineFlushBytes: 0 }
  let db = await open(fs.root, { settings })
  let notes = await db.table(NOTES)
  await write(notes, 0, 50)
  const first = await publish(notes, fs)
  await write(notes, 50, 60)
  await db.close()

  db = await open(fs.root, { settings })
  notes = await db.table(NOTES)
  await notes.compact()
  await publish(notes, fs)
  const wider = await notes.alter((a) => a.add('stars', t.int().nullable()))
  await wider.put({ id: 60, text: 'with stars', stars: 5 })
  await wider.compact()
  const last = await publish(wider as unknown as Notes, fs)
  expect(last.size).toBe(61)
  expect(only(last, (id) => id < 50)).toEqual(only(first, () => true))
  expect(await wider.count({ gte: 0 })).toBe(61)
  expect(await wider.get(7)).toEqual({ id: 7, text: 'note 7', stars: null })
  await db.close()
})

/** A call that waits until it is let go. */
interface Hold {
  readonly reached: Promise<void>
  readonly release: () => void
}

/** A file system that stops at calls it is told of. */
class StoppingFs {
  readonly fs: FileSystem
  readonly #holds: { readonly matches: (call: Call) => boolean; readonly wait: () => Promise<void> }[] = []

  constructor(below: FileSystem) {
    this.fs = new InterceptedFs(below, {
      around: async (call, run) => {
        const at = this.#holds.findIndex(({ matches }) => matches(call))
        if (at >= 0) await this.#holds.splice(at, 1)[0].wait()
        return run()
      },
      aroundSync: (_call, run) => run(),
    })
  }

  /** Stops the first file made in this directory of the table. */
  holdCreate(directory: string): Hold {
    return this.hold(({ operation, path }) => operation === 'create' && path.includes(`/${directory}/`))
  }

  /** Stops the first such call. */
  hold(matches: (call: Call) => boolean): Hold {
    const reached = deferred<void>()
    const released = deferred<void>()
    this.#holds.push({
      matches,
      wait: () => {
        reached.resolve()
        return released.promise
      },
    })
    return { reached: reached.promise, release: released.resolve }
  }
}

/** A table with 40 published rows, 20 that are flushed, and a file system that stops where it is told to. */
async function halfPublished(): Promise<{ fs: MemoryFs; stopping: StoppingFs; notes: Notes }> {
  const fs = new MemoryFs()
  const stopping = new StoppingFs(fs)
  const notes = await openNotes(stopping.fs)
  await write(notes, 0, 40)
  await publish(notes, fs)
  await write(notes, 40, 60)
  return { fs, stopping, notes }
}

test('files that are published while they are merged keep the ids that readers saw', async () => {
  const { fs, stopping, notes } = await halfPublished()
  const merge = stopping.holdCreate('data')
  const compacted = notes.compact()
  await merge.reached
  const seen = await publish(notes, fs)
  expect(seen.size).toBe(60)
  merge.release()
  await compacted
  expect(only(await publish(notes, fs), () => true)).toEqual(only(seen, () => true))
  expect((await dataFiles(fs)).some((file) => file.includes('_row_id'))).toBe(true)
  await notes.database.close()
})

test('a merge that ends while its inputs are being published waits for their ids', async () => {
  const { fs, stopping, notes } = await halfPublished()
  const merge = stopping.holdCreate('data')
  const compacted = notes.compact()
  await merge.reached
  const publication = stopping.holdCreate('metadata')
  const exported = notes.exportIceberg({ formatVersion: 3 })
  await publication.reached
  merge.release()
  // The merge comes to its end, with nobody to tell it what its rows will be called.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  publication.release()
  const { metadataFile } = await exported
  const seen = await published(notes, fs, metadataFile)
  await compacted
  expect(only(await publish(notes, fs), () => true)).toEqual(only(seen, () => true))
  await notes.database.close()
})

test('metadata that was read before a publication, and came after it, is not believed', async () => {
  const fs = new MemoryFs()
  const env = new TestEnvironment()
  const before = await openNotes(fs, {}, env)
  await write(before, 0, 40)
  await publish(before, fs)
  await write(before, 40, 60)
  await before.database.close()
  const stopping = new StoppingFs(fs)
  const notes = await openNotes(stopping.fs, {}, env)
  const reading = stopping.hold(
    ({ operation, path }) => operation === 'readFile' && path.endsWith('v1.metadata.json'),
  )
  const compacted = notes.compact()
  await reading.reached
  const exported = notes.exportIceberg()
  // What a publication needs of the metadata has time to come.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  reading.release()
  const { metadataFile } = await exported
  const seen = await published(notes, fs, metadataFile)
  await compacted
  expect(only(await publish(notes, fs), () => true)).toEqual(only(seen, () => true))
  await notes.database.close()
})

test('a table that is published anew gives out no id that a file keeps', async () => {
  const fs = new MemoryFs()
  const env = new TestEnvironment()
  const notes = await openNotes(fs, {}, env)
  await write(notes, 0, 30)
  await publish(notes, fs)
  await write(notes, 30, 40)
  await notes.compact()
  const before = await publish(notes, fs)
  await notes.database.close()
  for (const name of await fs.list('tables/notes/metadata')) await fs.remove(`tables/notes/metadata/${name}`)
  const again = await openNotes(fs, {}, env)
  await write(again, 40, 50)
  const anew = await publish(again, fs)
  expect(only(anew, (id) => id < 30)).toEqual(only(before, (id) => id < 30))
  expect(new Set([...anew.values()].map(({ rowId }) => rowId)).size).toBe(50)
  await again.database.close()
})

test('a table that is dropped before it is published says so, and leaves nothing pinned', async () => {
  const fs = new MemoryFs()
  const db = await open('memory', { components: { fs } })
  const stored = await db.table(table('gone', { id: t.int() }, { key: ['id'] }))
  await stored.put({ id: 1 })
  await stored.flush()
  await stored.exportIceberg({ formatVersion: 3 })
  await stored.put({ id: 2 })
  await stored.flush()
  const late = Promise.allSettled([stored.exportIceberg(), stored.exportIceberg(), stored.exportIceberg()])
  await db.dropTable('gone', { confirm: 'gone' })
  const refused = (await late).filter((one) => one.status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const { reason } of refused) expect(reason).toMatchObject({ name: 'MeruError' })
  expect(db.stats().pinnedVersions).toBe(0)
  await db.close()
})
