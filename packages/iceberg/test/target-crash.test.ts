import { MemoryFs, type CrashMode } from '@meru/fs'
import { FaultyFs, Random, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import type { DataMode } from '../src/destination.ts'
import { createExportCache, exportIceberg } from '../src/index.ts'
import { orders } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'
import { exportTo, leftOver, makeSample, optionsTo, readByHint } from './sample-target.ts'

const SNAPSHOTS = { snapshotsKept: 2 }

/** A disk with a table and some exports of it, and the export that is to crash. */
async function prepare(
  mode: DataMode,
  earlier: number,
): Promise<{ disk: MemoryFs; table: SampleTable; before: number | undefined }> {
  const env = new TestEnvironment()
  const disk = new MemoryFs()
  const table = await makeSample(disk, env)
  await table.flush(orders(0, 40))
  let before: number | undefined
  for (let i = 0; i < earlier; i++) {
    await table.flush(orders(20 + i, 30 + i, `export ${i}`), [{ id: i }])
    before = (await exportTo(disk, mode, table, { env, ...SNAPSHOTS })).liveRows
    if (i === 1) await table.compact(table.files.map((file) => file.id))
  }
  await table.flush(orders(50, 55), [{ id: 11 }, { id: 12 }])
  return { disk, table, before }
}

const cases: [mode: DataMode, earlier: number, crash: CrashMode][] = [
  ['hardlink', 0, 'any'],
  ['hardlink', 4, 'drop'],
  ['hardlink', 4, 'any'],
  ['copy', 0, 'any'],
  ['copy', 4, 'drop'],
  ['copy', 4, 'torn'],
  ['reference', 0, 'drop'],
  ['reference', 4, 'any'],
]

test.each(cases)(
  'by %s after %i exports, a crash at any call leaves a readable snapshot (%s)',
  async (mode, earlier, crash) => {
    const { disk, table, before } = await prepare(mode, earlier)
    const random = new Random(`${mode} ${earlier} ${crash}`)
    const image = disk.snapshotFiles()
    const all = table.rows.length
    let isCrashed = true
    for (let call = 1; isCrashed; call++) {
      const memory = MemoryFs.from(image)
      const faulty = new FaultyFs(memory)
      faulty.crashAt(call)
      const env = new TestEnvironment({ seed: 1000 + call })
      const outcome = await exportIceberg(optionsTo(faulty.fs, mode, table, { env, ...SNAPSHOTS })).catch(
        (error: unknown) => error,
      )
      // Of calls at once the first to fail may be one that the dead machine did not answer.
      isCrashed = faulty.calls >= call
      if (!isCrashed && outcome instanceof Error) throw outcome
      const found = memory.crashImage(crash, random.below)
      expect(isCrashed ? [before, all] : [all]).toContain(await readByHint(found))
      const cache = createExportCache()
      await exportTo(found, mode, table, { env, cache, ...SNAPSHOTS })
      // A version that the crash did not keep from being published is no publication of this life, so it sweeps nothing.
      const more = optionsTo(found, mode, table, { env, cache, ...SNAPSHOTS })
      await exportIceberg({ ...more, formatVersion: 3 })
      expect(await leftOver(found, mode)).toEqual([])
      expect(call).toBeLessThan(300)
    }
  },
)
