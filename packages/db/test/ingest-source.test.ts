import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryFs } from '@meru/fs'
import { expect, test } from 'vitest'
import { open, t, table } from '../src/index.ts'
import { events, type Happening, openMemory } from './fixture.ts'

const others = table('others', { id: t.int() }, { key: ['id'] })
const row = (id: number): Happening => ({ at: BigInt(id), what: `loaded ${'x'.repeat(60)}` })

test('a source that waits for other work of the one thread gets it', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'meru-source-'))
  const db = await open(directory, { settings: { workers: 1, ingestBytesMax: 1 << 20 } })
  const into = await db.table(events)
  const other = await db.table(others)
  for (let i = 0; i < 3; i++) {
    await other.put({ id: i })
    await other.flush()
  }
  async function* source(): AsyncGenerator<Happening> {
    for (let i = 0; i < 20_000; i++) yield row(i)
    await other.compact()
    for (let i = 20_000; i < 40_000; i++) yield row(i)
  }
  expect(await into.ingest(source())).toMatchObject({ rows: 40_000, duplicates: 0 })
  expect(other.stats().levels.map(({ level }) => level)).not.toContain(0)
  expect(await into.count()).toBe(40_000)
  await db.close()
  rmSync(directory, { recursive: true })
})

test('the thread that writes starts before the first row is read', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'meru-source-'))
  const db = await open(directory, { settings: { workers: 1 } })
  const into = await db.table(events)
  let threads = 0
  const count = (): void => void threads++
  process.on('worker', count)
  async function* source(): AsyncGenerator<Happening> {
    await new Promise(setImmediate)
    expect(threads).toBe(1)
    yield row(1)
  }
  expect(await into.ingest(source())).toMatchObject({ rows: 1 })
  expect(threads).toBe(1)
  process.off('worker', count)
  await db.close()
  rmSync(directory, { recursive: true })
})

test.each([1, 16, 64])('memory of %i bytes is enough for a load', async (ingestBytesMax) => {
  const fs = new MemoryFs()
  const db = await openMemory(fs, { settings: { ingestBytesMax } })
  const into = await db.table(events)
  expect(await into.ingest([row(1), row(2), row(3)])).toMatchObject({ rows: 3 })
  expect(await into.scan().toArray()).toEqual([row(1), row(2), row(3)])
  await db.close()
})
