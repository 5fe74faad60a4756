import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { MemoryFs } from '@meru/fs'
import { TestEnvironment, TracedFs } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, open, type Settings } from '../src/index.ts'
import { events, TINY, users } from './fixture.ts'
import { probeOf } from './session.ts'

// What is written and synced, and in which order, is what durability rests on. Each script's calls are kept
// as text, so that a change is read in review. `MERU_UPDATE_TRACES=1` writes the files anew.

const SETTINGS: Partial<Settings> = { ...TINY, autoCompaction: false, memtableBytesMax: 1 << 20 }
const UPDATE = process.env['MERU_UPDATE_TRACES'] === '1'

/** How large files are is the business of the formats; of the log it shows what shares a write. */
const SIZES = /^((?:write|read) (?!wal\/)\S+) \d+\+\d+$/gm

interface Script {
  readonly name: string
  readonly reads?: boolean
  readonly run: (disk: Disk) => Promise<void>
}

/** A traced disk and the processes that open it one after the other. */
class Disk {
  readonly trace: TracedFs
  #memory: MemoryFs = new MemoryFs()
  #lives = 0

  constructor(options: { reads: boolean }) {
    this.trace = new TracedFs(this.#memory, options)
  }

  note(text: string): void {
    this.trace.note(text)
  }

  open(settings: Partial<Settings> = {}): Promise<Database> {
    const components = {
      fs: this.trace.fs,
      env: new TestEnvironment({ seed: ++this.#lives }),
      probe: probeOf(this.#lives),
    }
    return open('memory', { settings: { ...SETTINGS, ...settings }, components })
  }
}

const row = (id: number): { at: bigint; what: string } => ({ at: BigInt(id), what: 'x' })

const SCRIPTS: readonly Script[] = [
  {
    name: 'open-put-close',
    run: async (disk) => {
      disk.note('open, new')
      const db = await disk.open()
      disk.note('a table')
      const into = await db.table(events)
      disk.note('put')
      await into.put(row(1))
      disk.note('1,000 puts at once')
      await Promise.all(Array.from({ length: 1000 }, (_, id) => into.put(row(id))))
      disk.note('a batch over two tables')
      const other = await db.table(users)
      await db.batch((batch) => batch.put(into, row(2)).put(other, { tenant: 'a', id: 1, name: 'Ann' }))
      disk.note('put, buffered')
      const handle = into.put(row(3), { durability: 'buffered' })
      await handle
      disk.note('its durable')
      await handle.durable
      disk.note('close')
      await db.close()
      disk.note('open again')
      await (await disk.open()).close()
    },
  },
  {
    name: 'flush-compact-export',
    run: async (disk) => {
      const db = await disk.open()
      const into = await db.table(events)
      await into.putMany([1, 2, 3].map(row))
      disk.note('flush')
      await into.flush()
      disk.note('flush of deletes')
      await into.delete(1n)
      await into.flush()
      disk.note('compact')
      await into.compact()
      disk.note('export')
      await into.exportIceberg()
      disk.note('export, unchanged')
      await into.exportIceberg()
      disk.note('delete, export')
      await into.delete(2n)
      await into.exportIceberg()
      disk.note('compact what is exported')
      await into.compact()
      disk.note('drop the table')
      await db.dropTable('events', { confirm: 'events' })
      disk.note('close')
      await db.close()
    },
  },
  {
    name: 'recovery',
    run: async (disk) => {
      const first = await disk.open()
      await (await first.table(events)).put(row(1))
      disk.note('open after the process has died')
      const second = await disk.open()
      disk.note('takeover from one that is alive')
      await (await second.table(events)).put(row(2))
      const third = await disk.open({ manifestEditsPerState: 1 })
      disk.note('close')
      await third.close()
    },
  },
  {
    name: 'reads',
    reads: true,
    run: async (disk) => {
      const db = await disk.open({ pageCacheBytes: 1 << 20 })
      const into = await db.table(events)
      await into.putMany(Array.from({ length: 40 }, (_, id) => row(id * 2)))
      await into.compact()
      disk.note('get, nothing cached')
      await into.get(6n)
      disk.note('get, cached')
      await into.get(6n)
      disk.note('get of an absent key')
      await into.get(7n)
      disk.note('count, and count of nothing')
      await into.count()
      await into.count({ gt: 1000n })
      disk.note('scan')
      await into.scan().toArray()
      disk.note('scan of ten rows')
      await into.scan({ gte: 20n, limit: 10 }).toArray()
      disk.note('close')
      await db.close()
    },
  },
]

describe('the calls of the file system', () => {
  test.each(SCRIPTS)('are as in traces/$name.txt', async ({ name, reads, run }) => {
    const disk = new Disk({ reads: reads ?? false })
    await run(disk)
    const file = new URL(`traces/${name}.txt`, import.meta.url)
    const text = disk.trace.text.replaceAll(SIZES, '$1')
    if (UPDATE) await writeFile(file, text)
    expect(text).toBe(await readFile(file, 'utf8'))
  })
})
