import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { MemoryFs, type FileSystem, type ProcessProbe } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { InterceptedFs, TestEnvironment } from '@meru/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open, openTable, type Database, type OpenOptions } from '../src/index.ts'
import { events, TINY, users } from './fixture.ts'
import { probeOf } from './session.ts'

const row = (id: number): { at: bigint; what: string } => ({ at: BigInt(id), what: 'x' })

let openings = 0

function openAs(fs: FileSystem, probe: ProcessProbe, options: OpenOptions = {}): Promise<Database> {
  const env = new TestEnvironment({ seed: ++openings })
  return open('memory', { ...options, settings: TINY, components: { fs, env, probe } })
}

/** A process that takes every other one for alive. */
function among(pid: number): ProcessProbe {
  return { ...probeOf(pid), isAlive: () => true }
}

/** Such a process may write to a directory that forbids it. */
const WRITES_ANYWHERE = process.getuid?.() === 0 || process.platform === 'win32'
if (WRITES_ANYWHERE)
  process.stderr.write('skipped: a directory that may not be written; nothing forbids root to\n')

describe('a second opener', () => {
  test('is refused while the first is alive, and told who that is', async () => {
    const fs = new MemoryFs()
    const first = await openAs(fs, among(71))
    await expect(openAs(fs, among(72))).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(
        /process 71 on test .* since 2026-01-01T00:00:00.000Z .*takeover/,
      ) as string,
    })
    await (await first.table(events)).put(row(1))
    await first.close()
    const second = await openAs(fs, among(72))
    expect(await (await second.table(events)).count()).toBe(1)
    await second.close()
  })

  test('in the same process is refused, too', async () => {
    const fs = new MemoryFs()
    const first = await openAs(fs, among(71))
    await expect(openAs(fs, among(71))).rejects.toThrow('this process (71)')
    await first.close()
  })

  test('takes over from a dead process, and finds what that had written', async () => {
    const fs = new MemoryFs()
    const dead = await openAs(fs, probeOf(71))
    await (await dead.table(events)).put(row(1))
    const alive = await openAs(fs.kill(), probeOf(72))
    expect(alive.recovery).toMatchObject({ rows: 1 })
    expect(await (await alive.table(events)).count()).toBe(1)
    await alive.close()
  })

  test('of several at once, one opens', async () => {
    const fs = new MemoryFs()
    const results = await Promise.allSettled([1, 2, 3, 4].map((pid) => openAs(fs, among(pid))))
    const opened = results.filter((result) => result.status === 'fulfilled')
    expect(opened).toHaveLength(1)
    for (const result of results) {
      expect(result.status === 'rejected' ? (result.reason as { code: string }).code : 'LOCKED').toBe(
        'LOCKED',
      )
    }
    await opened[0].value.close()
  })
})

describe('a writer that is taken over from', () => {
  test('does not publish what its successor may have removed', async () => {
    const fs = new MemoryFs()
    const old = await openAs(fs, among(71))
    const into = await old.table(events)
    for (const id of [1, 2]) {
      await into.put(row(id))
      await into.flush()
    }
    // Nothing is left to flush, so nothing else would tell the old writer.
    const now = await openAs(fs, among(72), { takeover: true })
    const successor = await now.table(events)
    await successor.compact()
    await successor.exportIceberg()
    const to = Object.assign(new MemoryFs(), { root: 'memory:/target' })
    for (const options of [{}, { to, mode: 'reference' as const }]) {
      await expect(into.exportIceberg(options)).rejects.toMatchObject({ code: 'FENCED' })
    }
    expect(await to.list('metadata')).toEqual([])
    expect((await checkTable(fs, 'tables/events')).violations).toEqual([])
    await now.close()
  })

  async function takenOver(): Promise<{ fs: MemoryFs; old: Database; now: Database }> {
    const fs = new MemoryFs()
    const old = await openAs(fs, among(71))
    const into = await old.table(events)
    await into.put(row(1))
    await into.flush()
    await into.put(row(2))
    const now = await openAs(fs, among(72), { takeover: true })
    return { fs, old, now }
  }

  test.each([
    ['put', (db: Database) => db.table(events).then((into) => into.put(row(3)))],
    ['delete', (db: Database) => db.table(events).then((into) => into.delete(1n))],
    [
      'batch',
      (db: Database) => db.table(events).then((into) => db.batch((batch) => batch.put(into, row(3)))),
    ],
    [
      'a buffered put that is to be durable',
      (db: Database) => db.table(events).then((into) => into.put(row(3), { durability: 'buffered' }).durable),
    ],
    ['a new table', (db: Database) => db.table(users)],
    ['a flush', (db: Database) => db.flush()],
    ['an export', (db: Database) => db.table(events).then((into) => into.exportIceberg())],
    ['dropping a table', (db: Database) => db.dropTable('events', { confirm: 'events' })],
  ] as const)('is fenced at its next %s, and changes nothing', async (_, write) => {
    const { fs, old, now } = await takenOver()
    await expect(write(old)).rejects.toMatchObject({ code: 'FENCED' })
    const into = await now.table(events)
    expect(await into.scan().toArray()).toEqual([row(1), row(2)])
    await into.put(row(4))
    await now.compact()
    await old.close().catch(() => undefined)
    expect(await into.scan().toArray()).toEqual([row(1), row(2), row(4)])
    await now.close()
    const again = await openAs(fs, among(73))
    expect(await (await again.table(events)).scan().toArray()).toEqual([row(1), row(2), row(4)])
    expect(again.tableNames()).toEqual(['events'])
    await again.close()
  })

  test('while the disk takes its write is told of success only if the successor has it', async () => {
    const memory = new MemoryFs()
    let reach!: () => void
    let release!: () => void
    const reached = new Promise<void>((resolve) => (reach = resolve))
    const released = new Promise<void>((resolve) => (release = resolve))
    const slow = new InterceptedFs(memory, {
      around: async ({ operation, path: file }, run) => {
        if (operation === 'sync' && file.startsWith('wal/')) {
          reach()
          await released
        }
        return run()
      },
      aroundSync: (_, run) => run(),
    })
    const old = await openAs(slow, among(71))
    const told = (await old.table(events)).put(row(1))
    await reached
    const now = await openAs(memory, among(72), { takeover: true })
    const afterwards = memory.crashImage('drop')
    release()
    await told
    expect(await (await now.table(events)).scan().toArray()).toEqual([row(1)])
    const recovered = await openAs(afterwards, among(73), { takeover: true })
    expect(await (await recovered.table(events)).scan().toArray()).toEqual([row(1)])
    await Promise.all([now.close(), recovered.close(), old.close().catch(() => undefined)])
  })

  test('goes on reading what it had', async () => {
    const { old, now } = await takenOver()
    const from = await old.table(events)
    await (await now.table(events)).put(row(9))
    expect(await from.scan().toArray()).toEqual([row(1), row(2)])
    expect(await from.get(2n)).toEqual(row(2))
    await Promise.all([now.close(), old.close().catch(() => undefined)])
  })

  test('does not take the lock of the new one with it when it closes', async () => {
    const { fs, old, now } = await takenOver()
    await old.close().catch(() => undefined)
    await expect(openAs(fs, among(73))).rejects.toMatchObject({ code: 'LOCKED' })
    await now.close()
  })
})

describe('after close', () => {
  test('every method says that the database is closed', async () => {
    const db = await openAs(new MemoryFs(), among(1))
    const into = await db.table(events)
    await into.put(row(1))
    const snapshot = db.snapshot()
    const scan = into.scan()
    const rows = into.scan()[Symbol.asyncIterator]()
    await rows.next()
    const handle = into.put(row(2), { durability: 'buffered' })
    await handle
    await db.close()
    const calls: [string, () => unknown][] = [
      ['put', () => into.put(row(1))],
      ['put, buffered', () => into.put(row(1), { durability: 'buffered' })],
      ['putMany', () => into.putMany([row(1)])],
      ['delete', () => into.delete(1n)],
      ['deleteMany', () => into.deleteMany([1n])],
      ['get', () => into.get(1n)],
      ['get in a snapshot', () => into.get(1n, { snapshot })],
      ['getSync', () => into.getSync(1n)],
      ['getMany', () => into.getMany([1n])],
      ['has', () => into.has(1n)],
      ['scan', () => into.scan().toArray()],
      ['first', () => into.scan().first()],
      ['batches', () => into.scan().batches().next()],
      ['a scan made before', () => scan.toArray()],
      ['count', () => into.count()],
      ['flush', () => into.flush()],
      ['compact', () => into.compact()],
      ['exportIceberg', () => into.exportIceberg()],
      ['stats', () => into.stats()],
      ['db.batch', () => db.batch(() => undefined)],
      ['db.table', () => db.table(events)],
      ['db.table of a new one', () => db.table(users)],
      ['db.storedTable', () => db.storedTable('events')],
      ['db.tableNames', () => db.tableNames()],
      ['db.dropTable', () => db.dropTable('events', { confirm: 'events' })],
      ['db.snapshot', () => db.snapshot()],
      ['db.flush', () => db.flush()],
      ['db.compact', () => db.compact()],
      ['db.stats', () => db.stats()],
    ]
    for (const [what, call] of calls) {
      await expect((async () => call())(), `${what}`).rejects.toMatchObject({ code: 'CLOSED' })
    }
    // Close made it durable.
    await expect(handle.durable).resolves.toBeGreaterThan(0)
    snapshot.close()
    await rows.return?.()
    expect([into.name, into.schema.columns.length, db.path]).toEqual(['events', 2, 'memory'])
  })

  test('closing again, at once or later, does nothing', async () => {
    const fs = new MemoryFs()
    const db = await openAs(fs, among(1))
    await (await db.table(events)).put(row(1))
    await Promise.all([db.close(), db.close()])
    await db.close()
    await db[Symbol.asyncDispose]()
    const again = await openAs(fs, among(1))
    expect(await (await again.table(events)).count()).toBe(1)
    await again.close()
  })

  test('writes that were under way have been made, later ones refused', async () => {
    const fs = new MemoryFs()
    const db = await openAs(fs, among(1))
    const into = await db.table(events)
    const before = [1, 2, 3].map((id) => into.put(row(id)))
    const closing = db.close()
    await expect(into.put(row(4))).rejects.toMatchObject({ code: 'CLOSED' })
    await Promise.all([...before, closing])
    const again = await openAs(fs, among(1))
    expect(await (await again.table(events)).count()).toBe(3)
    await again.close()
  })

  test('the table of openTable closes its database, another table does not', async () => {
    const fs = new MemoryFs()
    const env = new TestEnvironment()
    const sole = await openTable('memory', events, { settings: TINY, components: { fs, env } })
    await sole.close()
    await expect(sole.count()).rejects.toMatchObject({ code: 'CLOSED' })
    const db = await open('memory', { settings: TINY, components: { fs, env } })
    const into = await db.table(events)
    await into.close()
    expect(await into.count()).toBe(0)
    await db.close()
  })
})

describe('on a disk', () => {
  let root = ''
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'meru-open-'))
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  test('a path that is a file is an error that names it', async () => {
    const file = path.join(root, 'file')
    await writeFile(file, 'text')
    await expect(open(file)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('file') as string,
    })
    await expect(open(path.join(file, 'below'))).rejects.toMatchObject({ code: 'IO' })
  })

  test.skipIf(WRITES_ANYWHERE)('a directory that may not be written is an error that names it', async () => {
    const directory = path.join(root, 'read-only')
    await (await open(directory)).close()
    await chmod(directory, 0o500)
    await expect(open(directory)).rejects.toMatchObject({ code: 'IO' })
    await chmod(directory, 0o700)
  })

  test('directories above that are missing are made', async () => {
    const db = await open(path.join(root, 'a', 'b', 'c'))
    expect(db.tableNames()).toEqual([])
    await db.close()
  })

  test('the lock of a process that has ended is taken over', async () => {
    const directory = path.join(root, 'left')
    const source = `
      import { open, t, table } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      const db = await open(${JSON.stringify(directory)})
      const into = await db.table(table('events', { at: t.long(), what: t.string().nullable() }, { key: ['at'] }))
      await into.put({ at: 1n, what: 'x' })
      process.exit(7)`
    const child = spawnSync(
      process.execPath,
      ['--conditions=@meru/source', '--input-type=module', '--eval', source],
      { encoding: 'utf8' },
    )
    expect([child.status, child.stderr]).toEqual([7, ''])
    await using db = await open(directory)
    expect(await (await db.table(events)).scan().toArray()).toEqual([row(1)])
    await expect(open(directory)).rejects.toThrow(`this process (${process.pid})`)
  })
})
