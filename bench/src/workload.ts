import { appends, durableWrites, shortUses } from './durable-writes.ts'
import { bytesBelow, bytesWritten, forget, inDirectory } from './disk.ts'
import type { Engine } from './engine.ts'
import { ExpectedTable } from './expected.ts'
import { Meter, type Report } from './meter.ts'
import { coldGets, reads } from './point-reads.ts'
import { batchesOf, bytesOf, range, shuffled } from './rows.ts'
import { exportedSums, scans, scanRows } from './scans.ts'
import { BATCH_ROWS, type Scale, type Subject } from './subject.ts'
import { expectTotals } from './totals.ts'

const MIB = 1 << 20

/** Holds the whole table, where the engine has a cache of its own. */
const CACHE_BYTES = 256 * MIB
/** Smaller than the table. */
const SMALL_CACHE_BYTES = 8 * MIB

/** Everything that is measured of one engine, in one process. Reads are checked against what was written. */
export async function measure(engine: Engine, scale: Scale, report: Report): Promise<void> {
  if (scale.rows > WARM_UP_ROWS) await warmUp(engine)
  const subject: Subject = { engine, scale, expected: new ExpectedTable(scale.rows), report }
  await inDirectory(async (directory) => {
    await load(subject, directory)
    await randomUpserts(subject, directory)
    await readsBeforeAndAfterCompaction(subject, directory)
    await changes(subject)
    await restAndReopen(subject, directory)
  })
  await inDirectory((directory) => durableWrites(subject, directory, SMALL_CACHE_BYTES))
  await inDirectory((directory) => appends(subject, directory, SMALL_CACHE_BYTES))
  await inDirectory((directory) => shortUses(subject, directory, SMALL_CACHE_BYTES))
}

const WARM_UP_ROWS = 5000
const WARM_UP_MS = 50

/** The same calls on a small table, for compilers and thread pools. */
async function warmUp(engine: Engine): Promise<void> {
  const scale = { rows: WARM_UP_ROWS, budgetMs: WARM_UP_MS }
  const subject = { engine, scale, expected: new ExpectedTable(scale.rows), report: () => undefined }
  await inDirectory(async (directory) => {
    await load(subject, directory)
    await randomUpserts(subject, directory)
    await engine.open(directory, { cacheBytes: CACHE_BYTES })
    await reads(subject, '')
    await scanRows(subject, '')
    await engine.close()
  })
  await inDirectory((directory) => durableWrites(subject, directory, SMALL_CACHE_BYTES))
  await inDirectory((directory) => appends(subject, directory, SMALL_CACHE_BYTES))
}

/** Fills the table in ascending order, durable at the end. */
async function load({ engine, scale, report }: Subject, directory: string): Promise<void> {
  await engine.open(directory, { cacheBytes: SMALL_CACHE_BYTES })
  const meter = new Meter()
  meter.start()
  const options = { size: BATCH_ROWS, revision: 0, pause: meter.pause }
  await engine.bulkLoad(batchesOf(range(0, scale.rows), options))
  meter.stop()
  report(meter.rate('bulk load, ascending', scale.rows, 'rows/s'))
  report({ operation: 'peak memory of the load', value: peakMebibytes(), unit: 'MiB', less: true })
  await engine.close()
}

/** Writes every row again in random order, with a cache smaller than the table; waits for what follows. */
async function randomUpserts(subject: Subject, directory: string): Promise<void> {
  const { engine, scale, expected, report } = subject
  await engine.open(directory, { cacheBytes: SMALL_CACHE_BYTES })
  const order = shuffled(scale.rows)
  const middle = engine.putBuffered === undefined ? scale.rows : Math.floor(scale.rows / 2)
  const writtenBefore = bytesWritten()
  let rowBytes = 0
  const batches = new Meter()
  for (const rows of batchesOf(order.subarray(0, middle), { size: BATCH_ROWS, revision: 1 })) {
    for (const row of rows) rowBytes += bytesOf(row)
    batches.start()
    await engine.putBatch(rows, { durable: false })
    batches.stop()
  }
  report(batches.rate('buffered batches of 1000, random upserts', middle, 'rows/s'))
  const put = engine.putBuffered?.bind(engine)
  if (put !== undefined) {
    const single = new Meter()
    for (const rows of batchesOf(order.subarray(middle), { size: BATCH_ROWS, revision: 1 })) {
      for (const row of rows) rowBytes += bytesOf(row)
      single.start()
      await Promise.all(rows.map((row) => put(row)))
      single.stop()
    }
    const rest = scale.rows - middle
    report(single.rate('buffered put, 1000 in flight, random upserts', rest, 'rows/s'))
  }
  expected.wrote(order, 1)
  await engine.settle()
  const written = bytesWritten()
  if (writtenBefore !== undefined && written !== undefined) {
    const value = (written - writtenBefore) / rowBytes
    report({ operation: 'write amplification of random upserts', value, unit: '×', less: true })
  }
  const value = bytesBelow(directory) / rowBytes
  report({ operation: 'space amplification after random upserts', value, unit: '×', less: true })
  await engine.close()
}

async function readsBeforeAndAfterCompaction(subject: Subject, directory: string): Promise<void> {
  const { engine, scale, report } = subject
  forget(directory)
  const opened = new Meter()
  opened.start()
  await engine.open(directory, { cacheBytes: CACHE_BYTES })
  opened.stop()
  report(opened.duration('open, cold'))
  await coldGets(subject)
  if (engine.compact !== undefined) {
    await reads(subject, ', before compaction')
    const bytes = bytesBelow(directory)
    const meter = new Meter()
    meter.start()
    await engine.compact()
    meter.stop()
    report(meter.rate('compaction', bytes / MIB, 'MiB/s'))
  }
  await engine.settle()
  const rest = bytesBelow(directory) / scale.rows
  report({ operation: 'bytes per row after compaction', value: rest, unit: 'B', less: true })
  await reads(subject, '')
  report({ operation: 'peak memory of writes and gets', value: peakMebibytes(), unit: 'MiB', less: true })
  await scans(subject)
}

/** Changes a tenth of the rows, then scans. */
async function changes(subject: Subject): Promise<void> {
  const { engine, scale, expected, report } = subject
  const changed = shuffled(scale.rows, 3).subarray(0, Math.floor(scale.rows / 10))
  for (const rows of batchesOf(changed, { size: BATCH_ROWS, revision: 2 })) {
    await engine.putBatch(rows, { durable: false })
  }
  expected.wrote(changed, 2)
  if (engine.flush !== undefined) {
    const meter = new Meter()
    meter.start()
    await engine.flush()
    meter.stop()
    report(meter.rate('flush of 10 % of the rows', changed.length, 'rows/s'))
  }
  await scanRows(subject, 'full scan to row objects, 10 % changed')
  await exportedSums(subject, ', 10 % changed')
}

async function restAndReopen({ engine, scale, expected, report }: Subject, directory: string): Promise<void> {
  await engine.compact?.()
  await engine.settle()
  await engine.close()
  const value = bytesBelow(directory) / scale.rows
  report({ operation: 'bytes per row at rest', value, unit: 'B', less: true })
  const meter = new Meter()
  meter.start()
  await engine.open(directory, { cacheBytes: CACHE_BYTES })
  meter.stop()
  report(meter.duration('open'))
  expectTotals(`${engine.name}, opened again,`, await engine.scanRows(), expected.totals())
  await engine.close()
}

function peakMebibytes(): number {
  return process.resourceUsage().maxRSS / 1024
}
