import { Meter } from './meter.ts'
import { KEY_STEP, shuffled } from './rows.ts'
import { expectGroups, expectTotals } from './totals.ts'
import type { Subject } from './subject.ts'

const RANGES_MAX = 2000
const RANGE_ROWS = 100

/** Scans of a table at rest, each once to warm up. */
export async function scans(subject: Subject): Promise<void> {
  const { engine, scale, expected, report } = subject
  await scanRows(subject, 'full scan to row objects')
  if (engine.scanColumns !== undefined) {
    const totals = expected.totals()
    expectTotals(`${engine.name}, columns,`, await engine.scanColumns(), totals)
    const meter = new Meter()
    meter.start()
    const found = await engine.scanColumns()
    meter.stop()
    expectTotals(`${engine.name}, columns,`, found, totals)
    report(meter.rate('full scan to column batches', scale.rows, 'rows/s'))
  }
  const groups = expected.groups()
  expectGroups(engine.name, await engine.sumByUser(), groups)
  const meter = new Meter()
  meter.start()
  const found = await engine.sumByUser()
  meter.stop()
  expectGroups(engine.name, found, groups)
  report(meter.rate('sum by user, in process', scale.rows, 'rows/s'))
  await ranges(subject)
  await exportedSums(subject, '')
}

export async function scanRows(
  { engine, scale, expected, report }: Subject,
  operation: string,
): Promise<void> {
  const totals = expected.totals()
  expectTotals(engine.name, await engine.scanRows(), totals)
  const meter = new Meter()
  meter.start()
  const found = await engine.scanRows()
  meter.stop()
  expectTotals(engine.name, found, totals)
  report(meter.rate(operation, scale.rows, 'rows/s'))
}

async function ranges({ engine, scale, expected, report }: Subject): Promise<void> {
  const starts = shuffled(scale.rows - RANGE_ROWS).subarray(0, RANGES_MAX)
  const meter = new Meter()
  let done = 0
  while (done < starts.length && meter.milliseconds < scale.budgetMs) {
    const start = starts[done++]
    meter.start()
    const rows = await engine.range(start * KEY_STEP, RANGE_ROWS)
    meter.stop()
    if (rows.length !== RANGE_ROWS) throw new Error(`${engine.name} gave ${rows.length} rows from ${start}`)
    for (const [i, row] of rows.entries()) expected.check(row, start + i)
  }
  report(meter.rate('range scans of 100', done, 'scans/s'))
}

/** Publishes the table and asks DuckDB, reading the files, for the sum by user. */
export async function exportedSums(subject: Subject, when: string): Promise<void> {
  const { engine, scale, expected, report } = subject
  if (engine.export === undefined) return
  const published = new Meter()
  published.start()
  const exported = await engine.export()
  published.stop()
  report(published.duration(`Iceberg export${when}`))
  const groups = expected.groups()
  expectGroups(`${engine.name}, exported,`, await exported.sumByUser(), groups)
  const meter = new Meter()
  meter.start()
  const found = await exported.sumByUser()
  meter.stop()
  expectGroups(`${engine.name}, exported,`, found, groups)
  report(meter.rate(`sum by user, DuckDB on the exported files${when}`, scale.rows, 'rows/s'))
  exported.close()
}
