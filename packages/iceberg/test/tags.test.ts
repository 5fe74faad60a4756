import { MemoryFs } from '@meru/fs'
import { Random, TestEnvironment } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { beforeEach, describe, expect, test } from 'vitest'
import { createExportCache, exportIceberg, retainedFiles, type Tags } from '../src/index.ts'
import { readMetadataDirectory } from '../src/published-table.ts'
import type { TableMetadata } from '../src/table-metadata.ts'
import { readSnapshot } from './reference-reader.ts'
import { expectSound, exportChecked, optionsFor, ORDERS, orders } from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

let fs: MemoryFs
let env: TestEnvironment
let table: SampleTable

beforeEach(async () => {
  fs = new MemoryFs()
  env = new TestEnvironment()
  table = await SampleTable.create(fs, env, ORDERS)
  await table.flush(orders(0, 20))
})

async function metadata(): Promise<TableMetadata> {
  const { published } = await readMetadataDirectory({ fs, directory: table.directory })
  if (published === undefined) throw new Error('nothing is published')
  return published.metadata
}

/** Another content of the table. */
async function change(step: number): Promise<void> {
  await table.flush(orders(step, step + 15, `step ${step}`), [{ id: step + 1 }])
  if (step % 3 === 0) await table.compact(table.files.map((file) => file.id))
}

describe('a name for a snapshot', () => {
  test('is given with the export that makes it, or later, and keeps it', async () => {
    const { snapshotId } = await exportChecked(table, env, { snapshotsKept: 2, tags: { audit: 'current' } })
    for (let step = 1; step < 6; step++) {
      await change(step)
      await exportChecked(table, env, { snapshotsKept: 2 })
      await table.collectGarbage(await retainedFiles(fs, table.name))
    }
    expect((await metadata()).refs['audit']).toEqual({ 'snapshot-id': snapshotId, type: 'tag' })
    expect((await metadata()).snapshots).toHaveLength(3)
    expect(await readSnapshot(fs, await metadata(), snapshotId)).toHaveLength(20)
    await exportChecked(table, env, { snapshotsKept: 2, tags: { audit: null } })
    expect((await metadata()).snapshots).toHaveLength(2)
    await table.collectGarbage(await retainedFiles(fs, table.name))
    await expectSound(fs, table.directory)
  })

  test('is a version of its own only where it says something new', async () => {
    const first = await exportChecked(table, env)
    const tagged = await exportChecked(table, env, { tags: { a: 'current', b: first.snapshotId } })
    expect(tagged).toMatchObject({ version: 2, snapshotId: first.snapshotId, unchanged: false })
    expect(await exportChecked(table, env, { tags: { a: 'current' } })).toMatchObject({
      version: 2,
      unchanged: true,
    })
    expect(await exportChecked(table, env, { tags: { c: null } })).toMatchObject({
      version: 2,
      unchanged: true,
    })
    await change(1)
    expect(await exportChecked(table, env, { tags: { a: 'current' } })).toMatchObject({ version: 3 })
    const { refs } = await metadata()
    expect(refs['b']?.['snapshot-id']).toBe(first.snapshotId)
    expect(refs['a']?.['snapshot-id']).toBe(refs['main']?.['snapshot-id'])
  })

  test('of a snapshot that is not there, or of the main branch, is refused', async () => {
    await exportChecked(table, env)
    const wrong = exportIceberg(optionsFor(table, env, { tags: { a: 12345 } }))
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('12345') })
    for (const name of ['main', '']) {
      const tags: Tags = { [name]: 'current' }
      await expect(exportIceberg(optionsFor(table, env, { tags }))).rejects.toThrow(TypeError)
    }
    expect((await metadata()).refs).toMatchObject({ main: { type: 'branch' } })
  })
})

test('keeping fewer snapshots expires the others at once, and what only they named', async () => {
  for (let step = 1; step < 8; step++) {
    await change(step)
    await exportChecked(table, env, { snapshotsKept: 10 })
  }
  const before = await retainedFiles(fs, table.name)
  expect((await metadata()).snapshots).toHaveLength(7)
  expect(await exportChecked(table, env, { snapshotsKept: 2 })).toMatchObject({ unchanged: false })
  expect((await metadata()).snapshots).toHaveLength(2)
  const after = await retainedFiles(fs, table.name)
  expect(after.size).toBeLessThan(before.size)
  await table.collectGarbage(after)
  await expectSound(fs, table.directory)
})

test.each([1, 2, 3, 4])('no snapshot that is kept or named loses a file, seed %i', async (seed) => {
  const random = new Random(`tags ${seed}`)
  const cache = createExportCache()
  const shown = new Map<number, string[]>()
  const known: number[] = []
  for (let step = 0; step < 40; step++) {
    await change(random.below(60))
    if (random.oneIn(2)) continue
    const present = new Set(
      (step === 0 || known.length === 0 ? [] : (await metadata()).snapshots).map((s) => s['snapshot-id']),
    )
    const alive = known.filter((id) => present.has(id))
    const value =
      random.oneIn(3) || alive.length === 0 ? 'current' : random.oneIn(3) ? null : random.pick(alive)
    const names: Tags = random.oneIn(2) ? { [`t${random.below(4)}`]: value } : {}
    const more = { snapshotsKept: random.between(2, 5), tags: names, ...(random.oneIn(2) ? { cache } : {}) }
    const { snapshotId } = await exportIceberg(optionsFor(table, env, more))
    known.push(snapshotId)
    shown.set(snapshotId, sortedLines(textRows(table.schema, table.rows)))
    await table.collectGarbage(await retainedFiles(fs, table.name, cache))
    const current = await metadata()
    for (const { 'snapshot-id': id } of current.snapshots) {
      const rows = (await readSnapshot(fs, current, Number(id))).map(({ row }) => row)
      expect(sortedLines(textRows(table.schema, rows))).toEqual(shown.get(Number(id)))
    }
    for (const ref of Object.values(current.refs)) {
      expect(current.snapshots.map((snapshot) => snapshot['snapshot-id'])).toContain(ref['snapshot-id'])
    }
  }
  await expectSound(fs, table.directory)
})
