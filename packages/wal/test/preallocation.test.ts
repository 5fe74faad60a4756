import { MemoryFs } from '@meru/fs'
import { FaultyFs } from '@meru/testkit'
import { expect, test } from 'vitest'
import type { Wal } from '../src/index.ts'
import { codeOf, path, payloadOf, recover, startLog } from './log.ts'

const STEP = 256 * 1024

async function write(wal: Wal, records: number, options: { bytes: number; sync: boolean }): Promise<void> {
  for (let i = 0; i < records; i++) {
    wal.append(payloadOf(i, options.bytes))
    await wal.commit({ sync: options.sync })
  }
}

/** The sizes of a new log's first segment after each of some records. */
async function sizes(options: {
  preallocate: boolean
  bytes: number
  sync: boolean
  segmentBytesMax?: number
}): Promise<{ size: number; end: number }[]> {
  const { preallocate, segmentBytesMax = 1 << 22 } = options
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax, preallocate })
  const found: { size: number; end: number }[] = []
  for (let i = 0; i < 30; i++) {
    await write(wal, 1, options)
    found.push({ size: (await fs.size(path(1))) ?? 0, end: wal.position.offset })
  }
  return found
}

test('a segment grows in steps ahead of what is synced, so that most syncs move data alone', async () => {
  const found = await sizes({ preallocate: true, bytes: 20_000, sync: true })
  expect(new Set(found.map(({ size }) => size)).size).toBe(3)
  expect(found[0].size).toBe(found[0].end + STEP)
  for (const { size, end } of found) expect(size).toBeGreaterThanOrEqual(end)
})

test.each([
  ['where it is not asked for', { preallocate: false, bytes: 20_000, sync: true }],
  ['for writes that are not synced', { preallocate: true, bytes: 20_000, sync: false }],
  ['for large groups', { preallocate: true, bytes: 100_000, sync: true }],
])('nothing is allocated %s', async (_, options) => {
  for (const { size, end } of await sizes(options)) expect(size).toBe(end)
})

test('zeros end with the segment', async () => {
  const found = await sizes({ preallocate: true, bytes: 20_000, sync: true, segmentBytesMax: 100_000 })
  expect(Math.max(...found.map(({ size }) => size))).toBe(100_000)
})

test('zeros are durable with the group before them', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: 1 << 22, preallocate: true })
  await write(wal, 1, { bytes: 100, sync: true })
  expect(await fs.crashImage('drop').size(path(1))).toBe(wal.position.offset + STEP)
  await write(wal, 100, { bytes: 100, sync: true })
  expect((await recover(fs.crash('drop'))).report).toMatchObject({ records: 101, tornTails: [] })
})

test('where there is no room for zeros the group is written alone', async () => {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  const wal = await startLog(faulty.fs, { segmentBytesMax: 1 << 22, preallocate: true })
  faulty.limitFreeBytes(50_000)
  await write(wal, 2, { bytes: 20_000, sync: true })
  expect(await memory.size(path(1))).toBeLessThanOrEqual(50_000)
  faulty.heal()
  await write(wal, 2, { bytes: 20_000, sync: true })
  expect(await memory.size(path(1))).toBe(wal.position.offset)
  await wal.close()
  const { report } = await recover(memory.crash('drop'))
  expect(report).toMatchObject({ records: 4, isClean: true, tornTails: [] })
})

test('where there is no room for the group either nothing of it stays', async () => {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  const wal = await startLog(faulty.fs, { segmentBytesMax: 1 << 22, preallocate: true })
  faulty.limitFreeBytes(10_000)
  wal.append(payloadOf(1, 20_000))
  expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
  expect((await recover(memory.crashImage('drop'))).report).toMatchObject({ records: 0, tornTails: [] })
  faulty.heal()
  await write(wal, 3, { bytes: 20_000, sync: true })
  expect((await recover(memory.crash('drop'))).report).toMatchObject({ records: 3, tornTails: [] })
})
