import { MemoryFs } from '@meru/fs'
import { expect, test } from 'vitest'
import { events, openMemory, users } from './fixture.ts'

/** Writes a little to one table and much to another, and tells how many log segments there are at the end. */
async function segmentsAfter(walBytesMax: number): Promise<{ segments: number; flushedRows: number }> {
  const fs = new MemoryFs()
  const settings = { walBytesMax, walSegmentBytes: 64 * 1024, memtableBytesMax: 64 * 1024 }
  const db = await openMemory(fs, { settings })
  const idle = await db.table(events)
  const busy = await db.table(users)
  await idle.put({ at: 1n, what: 'kept in memory' })
  for (let id = 0; id < 2000; id += 100) {
    await busy.putMany(
      Array.from({ length: 100 }, (_, i) => ({ tenant: 't', id: id + i, name: 'x'.repeat(400) })),
    )
  }
  await busy.flush()
  const segments = (await fs.list('wal')).filter((name) => name.endsWith('.wal')).length
  const flushedRows = idle.stats().liveRows
  await db.close()
  return { segments, flushedRows }
}

test('a table that is hardly written does not keep the log from being cut', async () => {
  const kept = await segmentsAfter(1 << 30)
  expect(kept.flushedRows).toBe(0)
  expect(kept.segments).toBeGreaterThan(8)
  const cut = await segmentsAfter(256 * 1024)
  expect(cut.flushedRows).toBe(1)
  expect(cut.segments).toBeLessThan(kept.segments / 2)
})

test('a closed database keeps nothing of its log, however much went through it', async () => {
  const fs = new MemoryFs()
  const settings = { walPreallocate: true, walSegmentBytes: 1 << 22, memtableBytesMax: 1 << 22 }
  const db = await openMemory(fs, { settings })
  const table = await db.table(users)
  for (let id = 0; id < 20; id++) await table.put({ tenant: 't', id, name: 'x'.repeat(4000) })
  const logBytes = (): number => {
    const log = [...fs.snapshotFiles()].filter(([path]) => path.startsWith('wal/'))
    return log.reduce((sum, [, bytes]) => sum + bytes.length, 0)
  }
  expect(logBytes()).toBeGreaterThan(256 * 1024)
  await table.flush()
  await db.close()
  expect(logBytes()).toBeLessThan(100)
  const again = await openMemory(fs.crash('drop'), { settings })
  expect(await (await again.table(users)).count()).toBe(20)
  expect(again.recovery).toMatchObject({ walRecords: 0, rows: 0 })
  await again.close()
})
