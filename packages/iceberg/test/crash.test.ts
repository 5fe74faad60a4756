import { MemoryFs, type CrashMode } from '@meru/fs'
import { FaultyFs, isCrash, Random, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { exportIceberg, sweepMetadata } from '../src/index.ts'
import { TableFiles } from '../src/published-table.ts'
import { currentSnapshot, parseTableMetadata } from '../src/table-metadata.ts'
import { expectSound, optionsFor, ORDERS, orders } from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

const METADATA = 'tables/orders/metadata'

/** Live rows as a reader counts them that trusts the hint, opening every file of every snapshot. */
async function readByHint(fs: MemoryFs): Promise<number | undefined> {
  const hint = await fs.readFile(`${METADATA}/version-hint.text`)
  if (hint === undefined) return undefined
  const file = `${METADATA}/v${new TextDecoder().decode(hint)}.metadata.json`
  const bytes = await fs.readFile(file)
  const metadata = parseTableMetadata(new TextDecoder().decode(bytes), file)
  const files = new TableFiles({ fs, directory: 'tables/orders' }, metadata.location)
  for (const snapshot of metadata.snapshots) {
    for (const { live } of await files.loadManifests(snapshot)) {
      for (const entry of live) {
        const path = files.pathOf(entry.data_file.file_path) ?? ''
        expect(await fs.size(path)).toBe(entry.data_file.file_size_in_bytes)
      }
    }
  }
  return Number(currentSnapshot(metadata)?.summary['meru.live-records'])
}

/** A disk with a table and some exports, and the export that is to crash on it. */
async function prepare(earlier: number): Promise<{ table: SampleTable; before: number | undefined }> {
  const env = new TestEnvironment()
  const table = await SampleTable.create(new MemoryFs(), env, ORDERS)
  await table.flush(orders(0, 40))
  let before: number | undefined
  for (let i = 0; i < earlier; i++) {
    await table.flush(orders(20 + i, 30 + i, `export ${i}`), [{ id: i }])
    before = (await exportIceberg(optionsFor(table, env, { snapshotsKept: 2 }))).liveRows
  }
  await table.flush(orders(50, 55), [{ id: 11 }, { id: 12 }])
  return { table, before }
}

const cases: [earlier: number, mode: CrashMode][] = [
  [0, 'drop'],
  [0, 'any'],
  [1, 'names'],
  [1, 'torn'],
  [4, 'drop'],
  [4, 'any'],
]

test.each(cases)(
  'after %i exports, a crash at any call leaves a readable snapshot (%s)',
  async (earlier, mode) => {
    const { table, before } = await prepare(earlier)
    const random = new Random(`${earlier} ${mode}`)
    const image = (table.fs as MemoryFs).snapshotFiles()
    let isCrashed = true
    for (let call = 1; isCrashed; call++) {
      const disk = MemoryFs.from(image)
      const faulty = new FaultyFs(disk)
      faulty.crashAt(call)
      const env = new TestEnvironment({ seed: 1000 + call })
      const options = optionsFor(table, env, { snapshotsKept: 2 })
      const outcome = await exportIceberg({ ...options, fs: faulty.fs }).catch((error: unknown) => error)
      isCrashed = isCrash(outcome)
      const found = disk.crashImage(mode, random.below)
      expect(isCrashed ? [before, table.rows.length] : [table.rows.length]).toContain(await readByHint(found))
      await sweepMetadata(found, table.name)
      await exportIceberg({ ...options, fs: found })
      await expectSound(found, table.directory)
      expect(await readByHint(found)).toBe(table.rows.length)
      expect(await sweepMetadata(found, table.name)).toEqual([])
      expect(call).toBeLessThan(200)
    }
  },
)
