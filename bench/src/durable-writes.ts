import { Meter } from './meter.ts'
import { batchesOf, range, rowOf } from './rows.ts'
import { BATCH_ROWS, type Subject } from './subject.ts'

const WRITERS = [1, 64, 1000]
const PUTS_MAX = [4000, 60_000, 120_000]
const DURABLE_BATCHES = 40
const SHORT_USES = 60
const SHORT_USE_ROWS = 100

/** Writes that resolve when they survive a crash. What was acknowledged is there after opening again. */
export async function durableWrites(subject: Subject, directory: string, cacheBytes: number): Promise<void> {
  const { engine, scale, report } = subject
  await engine.open(directory, { cacheBytes })
  let written = 0
  for (const [place, writers] of WRITERS.entries()) {
    const puts = Math.max(writers, Math.min(PUTS_MAX[place], scale.rows))
    const rows = Array.from({ length: puts }, (_, i) => rowOf(written + i))
    const meter = new Meter()
    let next = 0
    const end = performance.now() + scale.budgetMs
    const writer = async (): Promise<void> => {
      do await engine.putDurable(rows[next++])
      while (next < rows.length && performance.now() < end)
    }
    meter.start()
    await Promise.all(Array.from({ length: engine.takesTurns === true ? 1 : writers }, writer))
    meter.stop()
    report(meter.rate(`durable put, ${writers} ${writers === 1 ? 'writer' : 'writers'}`, next))
    written += next
  }
  const meter = new Meter()
  const end = performance.now() + scale.budgetMs
  const first = written
  for (const rows of batchesOf(range(first, first + DURABLE_BATCHES * BATCH_ROWS), ASCENDING)) {
    meter.start()
    await engine.putBatch(rows, { durable: true })
    meter.stop()
    written += rows.length
    if (performance.now() > end) break
  }
  report(meter.rate('durable batches of 1000', written - first, 'rows/s'))
  await engine.close()
  await engine.open(directory, { cacheBytes })
  const { rows } = await engine.scanRows()
  if (rows !== written)
    throw new Error(`${engine.name} acknowledged ${written} durable rows and kept ${rows}`)
  await engine.close()
}

const ASCENDING = { size: BATCH_ROWS, revision: 0 }

/** Buffered writes of new rows in ascending order. */
export async function appends(subject: Subject, directory: string, cacheBytes: number): Promise<void> {
  const { engine, scale, report } = subject
  await engine.open(directory, { cacheBytes })
  const middle = Math.ceil(scale.rows / 2)
  const batches = new Meter()
  for (const rows of batchesOf(range(0, middle), ASCENDING)) {
    batches.start()
    await engine.putBatch(rows, { durable: false })
    batches.stop()
  }
  report(batches.rate('buffered batches of 1000, ascending', middle, 'rows/s'))
  const put = engine.putBuffered?.bind(engine)
  if (put !== undefined) {
    const single = new Meter()
    for (const rows of batchesOf(range(middle, scale.rows), ASCENDING)) {
      single.start()
      await Promise.all(rows.map((row) => put(row)))
      single.stop()
    }
    report(single.rate('buffered put, 1000 in flight, ascending', scale.rows - middle, 'rows/s'))
  }
  await engine.close()
}

/** What a process costs that writes little: it opens the table, writes one batch durably, and closes it. */
export async function shortUses(
  { engine, report }: Subject,
  directory: string,
  cacheBytes: number,
): Promise<void> {
  const meter = new Meter()
  const written = SHORT_USES * SHORT_USE_ROWS
  for (const batch of batchesOf(range(0, written), { size: SHORT_USE_ROWS, revision: 0 })) {
    meter.start()
    await engine.open(directory, { cacheBytes })
    await engine.putBatch(batch, { durable: true })
    await engine.close()
    meter.stop()
  }
  report(meter.rate(`open, batch of ${SHORT_USE_ROWS}, close`, SHORT_USES))
  await engine.open(directory, { cacheBytes })
  const { rows } = await engine.scanRows()
  if (rows !== written) throw new Error(`${engine.name} kept ${rows} of ${written} rows`)
  await engine.close()
}
