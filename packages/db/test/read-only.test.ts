import { setImmediate } from 'node:timers/promises'
import { MemoryFs } from '@meru/fs'
import { type Call, InterceptedFs } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, open, t } from '../src/index.ts'
import { events, openMemory, TINY, type Happening } from './fixture.ts'

const row = (id: number, what: string): Happening => ({ at: BigInt(id), what: `${what} ${'x'.repeat(40)}` })
const reading = (fs: MemoryFs | InterceptedFs): Promise<Database> =>
  open('memory', { readOnly: true, settings: TINY, components: { fs } })

/** Calls that change something on disk. */
const CHANGES = new Set([
  'create',
  'write',
  'sync',
  'syncDirectory',
  'makeDirectory',
  'link',
  'rename',
  'remove',
  'removeDirectory',
])

describe('a database that is open for reading only', () => {
  test('shows what its writer, still at work, has written up to now', async () => {
    const fs = new MemoryFs()
    const writer = await openMemory(fs, { settings: { memtableBytesMax: 1 << 20 } })
    const into = await writer.table(events)
    await into.putMany([row(1, 'flushed'), row(2, 'flushed')])
    await into.flush()
    await into.ingest([row(3, 'loaded')])
    await into.put(row(2, 'in the log'))
    await into.delete(1n)
    const reader = await reading(fs)
    const from = await reader.table(events)
    await into.put(row(4, 'later'))
    await into.compact()
    expect(await from.scan().toArray()).toEqual([row(2, 'in the log'), row(3, 'loaded')])
    expect([await from.get(1n), from.getSync(2n), await from.count()]).toEqual([
      undefined,
      row(2, 'in the log'),
      2,
    ])
    expect(reader.recovery).toMatchObject({ rows: 2 })
    await reader.close()
    await into.put(row(5, 'goes on'))
    await writer.close()
    const after = await reading(fs)
    expect(await (await after.table(events)).count()).toBe(4)
    await after.close()
  })

  test('sees a change of the columns with the rows before and after it; one that was open before it does not', async () => {
    const fs = new MemoryFs()
    const writer = await openMemory(fs)
    const before = await writer.table(events)
    await before.putMany([row(1, 'flushed'), row(2, 'flushed')])
    await before.flush()
    await before.put(row(3, 'in the log'))
    const early = await reading(fs)
    const after = await before.alter((a) => a.rename({ what: 'why' }).add('level', t.int().default(4)))
    await after.put({ at: 4n, why: null, level: 1 })
    const reader = await reading(fs)
    const from = await reader.storedTable('events')
    expect(await from?.scan().toArray()).toEqual([
      { at: 1n, why: row(1, 'flushed').what, level: 4 },
      { at: 2n, why: row(2, 'flushed').what, level: 4 },
      { at: 3n, why: row(3, 'in the log').what, level: 4 },
      { at: 4n, why: null, level: 1 },
    ])
    await expect(reader.table(events)).rejects.toMatchObject({ code: 'INVALID' })
    expect(await (await early.table(events)).scan().toArray()).toEqual([
      row(1, 'flushed'),
      row(2, 'flushed'),
      row(3, 'in the log'),
    ])
    for (const db of [reader, early, writer]) await db.close()
  })

  test('writes nothing, and leaves the lock alone', async () => {
    const memory = new MemoryFs()
    const writer = await openMemory(memory)
    await (await writer.table(events)).putMany([row(1, 'x'), row(2, 'y')])
    const changes: Call[] = []
    const note = (call: Call): void => void (CHANGES.has(call.operation) && changes.push(call))
    const watched = new InterceptedFs(memory, {
      around: (call, run) => (note(call), run()),
      aroundSync: (call, run) => (note(call), run()),
    })
    const reader = await reading(watched)
    expect(await (await reader.table(events)).count()).toBe(2)
    await reader.close()
    expect(changes).toEqual([])
    expect(await memory.size('LOCK')).toBeGreaterThan(0)
    await writer.close()
  })

  test('refuses everything that would write', async () => {
    const fs = new MemoryFs()
    const writer = await openMemory(fs)
    await (await writer.table(events)).put(row(1, 'x'))
    await writer.close()
    const reader = await reading(fs)
    const table = await reader.table(events)
    const refused = { code: 'INVALID', message: expect.stringContaining('open for reading only') as string }
    for (const attempt of [
      () => table.put(row(2, 'y')),
      () => table.putMany([row(2, 'y')]),
      () => table.delete(1n),
      () => table.deleteMany([1n]),
      () => reader.batch((batch) => batch.put(table, row(2, 'y'))),
      () => table.ingest([row(2, 'y')]),
      () => table.flush(),
      () => table.compact(),
      () => table.exportIceberg(),
      () => reader.flush(),
      () => reader.compact(),
      () => reader.dropTable('events', { confirm: 'events' }),
      () => reader.table({ ...events, name: 'others' }),
      () => reader.checkpoint('elsewhere'),
      () => reader.backup('elsewhere'),
    ]) {
      await expect(attempt()).rejects.toMatchObject(refused)
    }
    expect(await table.scan().toArray()).toEqual([row(1, 'x')])
    await reader.close()
    await expect(table.get(1n)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('is not made where there is none, and takes nothing over', async () => {
    const fs = new MemoryFs()
    await expect(reading(fs)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'memory: there is no database',
    })
    expect([...fs.snapshotFiles()]).toEqual([])
    await expect(open('memory', { readOnly: true, takeover: true })).rejects.toThrow(TypeError)
  })

  test('says so at once if a file is damaged', async () => {
    const fs = new MemoryFs()
    const writer = await openMemory(fs)
    const table = await writer.table(events)
    await table.put(row(1, 'x'))
    await table.flush()
    await writer.close()
    const [name] = await fs.list('tables/events/data')
    await fs.remove(`tables/events/data/${name}`)
    await expect(reading(fs)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('opens while a writer flushes, compacts, loads and cuts its log', { timeout: 60_000 }, async () => {
    const fs = new MemoryFs()
    const noStall = { l0SlowdownFiles: 1000, l0StopFiles: 2000 }
    const writer = await openMemory(fs, { settings: { memtableBytesMax: 2048, ...noStall } })
    const into = await writer.table(events)
    let isDone = false
    let written = 0
    // Row 0 always says how many rows there are: what is no prefix of the writes shows.
    const write = async (): Promise<void> => {
      for (; !isDone; written++) {
        const rows = [{ at: 0n, what: String(written) }, row(written + 1, 'x')]
        if (written % 10 === 0) await into.ingest(rows)
        else await into.putMany(rows)
        await setImmediate()
      }
    }
    const writing = write()
    for (let n = 0; n < 25; n++) {
      for (let turn = 0; turn < 5; turn++) await setImmediate()
      const least = written - 1
      const reader = await reading(fs)
      const rows = await (await reader.table(events)).scan().toArray()
      await reader.close()
      expect(rows.length).toBe(Number(rows[0].what) + 2)
      expect(Number(rows[0].what)).toBeGreaterThanOrEqual(least)
    }
    isDone = true
    await writing
    await writer.close()
  })
})
