import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryFs } from '@meru/fs'
import { FaultyFs, Random } from '@meru/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BackupProgress, type Database, open, restore, type Settings, verify } from '../src/index.ts'
import { events, openMemory, TINY, users, type Happening } from './fixture.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meru-copies-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const row = (id: number, what: string): Happening => ({ at: BigInt(id), what: `${what} ${'x'.repeat(40)}` })

/** Rows of both tables, or what opening failed with. */
async function contentOf(fs: MemoryFs): Promise<unknown> {
  try {
    const db = await openMemory(fs, { seed: 99 })
    const names = db.tableNames()
    const found = names.length === 0 ? [] : [await (await db.table(events)).scan().toArray()]
    const more = names.length < 2 ? [] : [await (await db.table(users)).scan().toArray()]
    await db.close()
    const { problems } = await verify('memory', { fs })
    return problems.length > 0 ? problems : [...found, ...more]
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** Two tables with rows on several levels, dead rows, and rows in memory. */
async function filled(settings: Partial<Settings> = {}): Promise<{ db: Database; expected: unknown[][] }> {
  const db = await openMemory(new MemoryFs(), { settings: { autoCompaction: false, ...settings } })
  const [first, second] = [await db.table(events), await db.table(users)]
  await first.putMany(Array.from({ length: 60 }, (_, id) => row(id, 'deep')))
  await first.compact()
  await first.putMany(Array.from({ length: 20 }, (_, id) => row(id * 2, 'flushed')))
  await first.flush()
  await first.putMany([row(3, 'in memory'), row(100, 'in memory')])
  await second.put({ tenant: 'a', id: 1, name: 'in memory' })
  await first.delete(5n)
  return { db, expected: await stateOf(db) }
}

async function stateOf(db: Database): Promise<unknown[][]> {
  return [await (await db.table(events)).scan().toArray(), await (await db.table(users)).scan().toArray()]
}

describe.each(['checkpoint', 'backup'] as const)('%s', (method) => {
  test('is the database of its moment, and opens as one', async () => {
    const { db, expected } = await filled()
    const target = new MemoryFs()
    const report = await db[method]('copy', { fs: target })
    expect(report.seqno).toBe(db.stats().visibleSeqno)
    await (await db.table(events)).put(row(4, 'later'))
    expect(await contentOf(target)).toEqual(expected)
    await db.close()
  })

  test('of an empty database is an empty database', async () => {
    const db = await openMemory(new MemoryFs())
    const target = new MemoryFs()
    expect(await db[method]('copy', { fs: target })).toMatchObject({ files: 0, bytes: 0 })
    await db.close()
    expect(await contentOf(target)).toEqual([])
  })

  test(
    'has no part of a batch, whatever is written and compacted meanwhile',
    { timeout: 60_000 },
    async () => {
      const noStall = { l0SlowdownFiles: 1000, l0StopFiles: 2000 }
      const { db } = await filled({ memtableBytesMax: 2048, autoCompaction: true, ...noStall })
      const [first, second] = [await db.table(events), await db.table(users)]
      let isDone = false
      const write = async (): Promise<void> => {
        for (let n = 0; !isDone; n++) {
          await db.batch((batch) => {
            batch.put(first, row(1000, `n ${n}`))
            batch.put(first, row(n % 50, `n ${n}`))
            batch.put(second, { tenant: 'pair', id: 1, name: `n ${n}` })
          })
          await setImmediate()
        }
      }
      const writing = write()
      for (let copy = 0; copy < 6; copy++) {
        for (let turn = 0; turn < 20; turn++) await setImmediate()
        const target = new MemoryFs()
        await db[method]('copy', { fs: target })
        const found = (await contentOf(target)) as [Happening[], { tenant: string; name: string }[]]
        const what = found[0].find(({ at }) => at === 1000n)?.what?.replace(/ x+$/, '')
        expect(found[1].find(({ tenant }) => tenant === 'pair')?.name).toBe(what)
        expect(what).toMatch(/^n \d+$/)
      }
      isDone = true
      await writing
      await db.close()
    },
  )

  test(
    'cut off at any call leaves nothing that opens as another database',
    { timeout: 120_000 },
    async () => {
      let isOver = false
      const outcomes = new Set<string>()
      for (let call = 1; !isOver; call++) {
        const { db, expected } = await filled()
        const memory = new MemoryFs()
        const faulty = new FaultyFs(memory)
        const random = new Random(call)
        let image: MemoryFs | undefined
        faulty.inject(({ number }) => {
          if (number === call) image = memory.crashImage('sectors', (bound) => random.below(bound))
          return undefined
        })
        await db[method]('copy', { fs: faulty.fs })
        isOver = image === undefined
        const found = await contentOf(image ?? memory)
        // Of a copy that has hardly begun nothing may be left.
        const isBare = Array.isArray(found) && found.length === 0
        const isFine = isBare ? call < 10 : found === 'CORRUPT' || isEqual(found, expected)
        expect(isFine, `call ${call}: ${JSON.stringify(found, plain)}`).toBe(true)
        outcomes.add(isBare ? 'empty' : found === 'CORRUPT' ? 'unfinished' : 'whole')
        await db.close()
      }
      expect([...outcomes].toSorted()).toEqual(['empty', 'unfinished', 'whole'])
    },
  )

  test('fails as its target does, and holds nothing afterwards', { timeout: 120_000 }, async () => {
    const { db } = await filled()
    let isOver = false
    let failures = 0
    for (let call = 1; !isOver; call++) {
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      faulty.failAt(call, 'ENOSPC')
      const failure = await db[method]('copy', { fs: faulty.fs }).then(
        () => undefined,
        (error: unknown) => error,
      )
      isOver = faulty.calls < call
      failures += failure === undefined ? 0 : 1
      const code = (failure as { code?: string } | undefined)?.code
      expect([undefined, 'DISK_FULL'], `call ${call}`).toContain(code)
      expect(db.stats().pinnedVersions).toBe(0)
    }
    expect(failures).toBeGreaterThan(20)
    await (await db.table(events)).put(row(1, 'goes on'))
    await db.close()
  })

  test('is refused where something else is', async () => {
    const { db } = await filled()
    const target = new MemoryFs()
    const handle = await target.create('notes.txt', { exclusive: true })
    await handle.close()
    await expect(db[method]('copy', { fs: target })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('holds notes.txt') as string,
    })
    expect(await target.list('')).toEqual(['notes.txt'])
    await expect(db[method]('')).rejects.toThrow(TypeError)
    await expect(db[method]('copy', { fast: true } as never)).rejects.toThrow('has no option "fast"')
    await expect(db[method]('copy', { fs: new MemoryFs(), signal: AbortSignal.abort() })).rejects.toThrow(
      /abort/,
    )
    await db.close()
  })
})

describe('checkpoint', () => {
  test('gives the files second names, and takes no room for them', async () => {
    const db = await open(join(directory, 'db'), { settings: TINY })
    const table = await db.table(events)
    await table.ingest(Array.from({ length: 2000 }, (_, id) => row(id, 'loaded')))
    await table.put(row(1, 'in memory'))
    const path = join(directory, 'checkpoint')
    const report = await db.checkpoint(path)
    expect(report).toMatchObject({ path, files: table.stats().files, bytes: table.stats().bytes })
    const data = join(path, 'tables/events/data')
    for (const name of readdirSync(data)) expect(statSync(join(data, name)).nlink).toBe(2)
    await table.put(row(2, 'later'))
    await table.compact()
    await db.close()
    await using copy = await open(path, { settings: TINY })
    const copied = await copy.table(events)
    expect(await copied.get(1n)).toEqual(row(1, 'in memory'))
    expect(await copied.get(2n)).toEqual(row(2, 'loaded'))
    expect(await copied.count()).toBe(2000)
    await expect(db.checkpoint(join(directory, 'other'))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('backup', () => {
  test('copies only what is new, and keeps the one before until the end', { timeout: 120_000 }, async () => {
    const { db, expected: first } = await filled()
    const table = await db.table(events)
    const memory = new MemoryFs()
    const whole = await db.backup('backup', { fs: memory })
    expect(whole.filesCopied).toBe(whole.files)
    const again = await db.backup('backup', { fs: memory })
    expect(again).toMatchObject({ filesCopied: 0, bytesCopied: 0, files: whole.files })
    await table.putMany([row(7, 'new'), row(200, 'new')])
    await table.delete(8n)
    const second = await stateOf(db)
    let isOver = false
    const seen = new Set<string>()
    for (let call = 1; !isOver; call++) {
      const target = await copyOf(memory)
      const faulty = new FaultyFs(target)
      const random = new Random(call)
      let image: MemoryFs | undefined
      faulty.inject(({ number }) => {
        if (number === call) image = target.crashImage('drop', (bound) => random.below(bound))
        return undefined
      })
      const report = await db.backup('backup', { fs: faulty.fs })
      expect(report.filesCopied).toBeLessThan(report.files)
      isOver = image === undefined
      const left = image ?? target
      const found = await contentOf(await copyOf(left))
      const isFirst = isEqual(found, first)
      expect(isFirst || isEqual(found, second), `call ${call}: ${JSON.stringify(found, plain)}`).toBe(true)
      seen.add(isFirst ? 'first' : 'second')
      // It is taken up where it was cut off.
      await db.backup('backup', { fs: left })
      expect(await contentOf(left)).toEqual(second)
    }
    expect(seen).toEqual(new Set(['first', 'second']))
    await db.close()
  })

  test('leaves nothing behind that only the one before needed', async () => {
    const { db } = await filled()
    const target = new MemoryFs()
    await db.backup('backup', { fs: target })
    const table = await db.table(events)
    await table.put(row(7, 'new'))
    await table.compact()
    await db.backup('backup', { fs: target })
    expect(await target.list('tables/events/data')).toHaveLength(table.stats().files)
    expect(await target.list('tables/events/deletes')).toEqual([])
    expect(await target.list('manifest')).toHaveLength(1)
    await db.close()
  })

  test('tells how far it is', async () => {
    const { db } = await filled()
    const seen: BackupProgress[] = []
    const report = await db.backup('backup', {
      fs: new MemoryFs(),
      onProgress: (progress) => seen.push(progress),
    })
    const last = {
      filesDone: report.files,
      filesTotal: report.files,
      bytesDone: report.bytes,
      bytesTotal: report.bytes,
    }
    expect(seen.at(-1)).toEqual(last)
    expect(seen.map(({ bytesDone }) => bytesDone)).toEqual(
      seen.map(({ bytesDone }) => bytesDone).toSorted((a, b) => a - b),
    )
    await db.close()
  })

  test('notices that a file is damaged', async () => {
    const source = new MemoryFs()
    const db = await openMemory(source)
    const table = await db.table(events)
    await table.ingest(Array.from({ length: 200 }, (_, id) => row(id, 'loaded')))
    const [name] = await source.list('tables/events/data')
    const path = `tables/events/data/${name}`
    const bytes = (await source.readFile(path)) as Uint8Array
    bytes[bytes.length >>> 1] ^= 1
    const handle = await source.create(path, { exclusive: false })
    await handle.write(bytes, 0)
    await handle.close()
    const target = new MemoryFs()
    await expect(db.backup('backup', { fs: target })).rejects.toMatchObject({ code: 'CORRUPT', file: path })
    expect(await contentOf(target)).toBe('CORRUPT')
    await db.close()
  })

  test('is refused by a directory that was written to, or has a backup of something else', async () => {
    const { db } = await filled()
    const target = new MemoryFs()
    await db.backup('backup', { fs: target })
    const other = await openMemory(new MemoryFs())
    await expect(other.backup('backup', { fs: target })).rejects.toThrow(/another database/)
    await other.close()
    const opened = await openMemory(target, { seed: 5 })
    await opened.close()
    await expect(db.backup('backup', { fs: target })).rejects.toThrow(/was opened as a database/)
    await db.close()
  })

  test('is restored by a copy, which the backup is not touched by', async () => {
    const { db, expected } = await filled()
    const backup = new MemoryFs()
    await db.backup('backup', { fs: backup })
    await db.close()
    const before = [...backup.snapshotFiles().keys()].toSorted()
    const target = new MemoryFs()
    const steps: number[] = []
    await restore('backup', 'db', {
      from: backup,
      fs: target,
      onProgress: ({ filesDone }) => steps.push(filesDone),
    })
    expect(steps.length).toBeGreaterThan(2)
    expect(await contentOf(target)).toEqual(expected)
    expect([...backup.snapshotFiles().keys()].toSorted()).toEqual(before)
    await expect(restore('backup', 'db', { from: backup, fs: target })).rejects.toMatchObject({
      code: 'INVALID',
    })
    await expect(restore('x', 'db', { from: new MemoryFs(), fs: new MemoryFs() })).rejects.toThrow(
      /no database/,
    )
  })
})

async function copyOf(fs: MemoryFs): Promise<MemoryFs> {
  return Promise.resolve(fs.crashImage('drop', () => 0))
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a, plain) === JSON.stringify(b, plain)

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
