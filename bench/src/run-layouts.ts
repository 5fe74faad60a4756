import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { openTable } from '@meru/db'
import { bytesBelow, filesBelow, inDirectory } from './disk.ts'
import { ROWS_TABLE } from './engines/meru.ts'
import { ExpectedTable } from './expected.ts'
import type { Layout, LayoutCost, LayoutsOptions } from './layouts.ts'
import { median } from './results.ts'
import { batchesOf, KEY_STEP, range, shuffled } from './rows.ts'
import { expectGroups, groupTotalsOf, groupTotalsSql } from './totals.ts'

/** The same table under several layouts, in turn: `run-layouts.ts <options as JSON>`. */
const options = JSON.parse(process.argv[2]) as LayoutsOptions
const BATCH_ROWS = 1000
const MICROSECONDS = 1000
/** Hardly holds a page, so that each get reads one. */
const CACHE_BYTES = 64 * 1024

interface Loaded {
  readonly layout: Layout
  readonly directory: string
  readonly times: {
    readonly files: number[]
    readonly own: number[]
    readonly get: number[]
    readonly scan: number[]
  }
}

async function load(layout: Layout, directory: string): Promise<Loaded> {
  const table = await openTable(directory, ROWS_TABLE, { settings: { layout: { deeper: layout } } })
  await table.ingest(batchesOf(range(0, options.rows), { size: BATCH_ROWS, revision: 0 }))
  await table.compact()
  await table.close()
  return { layout, directory, times: { files: [], own: [], get: [], scan: [] } }
}

/** Gets and a scan through the engine, each row checked outside of the time. */
async function read({ directory, times }: Loaded, expected: ExpectedTable, round: number): Promise<void> {
  const table = await openTable(directory, ROWS_TABLE, { settings: { pageCacheBytes: CACHE_BYTES } })
  const picked = shuffled(options.rows, round + 1).subarray(0, options.gets)
  const begun = performance.now()
  const rows = Array.from(picked, (n) => table.getSync(n * KEY_STEP))
  times.get.push(((performance.now() - begun) / picked.length) * MICROSECONDS)
  picked.forEach((n, i) => expected.check(rows[i], n))
  const scanned = performance.now()
  let count = 0
  for await (const batch of table.scan().batches()) count += batch.length
  times.scan.push(((performance.now() - scanned) / count) * MICROSECONDS)
  if (count !== options.rows) throw new Error(`${count} of ${options.rows} rows scanned`)
  await table.close()
}

async function ask(connection: DuckDBConnection, source: string, expected: ExpectedTable): Promise<number> {
  const begun = performance.now()
  const result = await connection.runAndReadAll(groupTotalsSql(source))
  const milliseconds = performance.now() - begun
  expectGroups(source, groupTotalsOf(result.getRowObjects()[0]), expected.groups())
  return milliseconds
}

async function measure(loaded: readonly Loaded[]): Promise<LayoutCost[]> {
  const expected = new ExpectedTable(options.rows)
  const connection = await (await DuckDBInstance.create()).connect()
  const sources = loaded.map(({ directory }) => {
    const files = filesBelow(directory).filter((file) => file.endsWith('.parquet'))
    return `read_parquet([${files.map((file) => `'${file}'`).join(', ')}])`
  })
  await connection.run(`create table own as select "user", score from ${sources[0]}`)
  // The first round is for the compiler and for the pages of the operating system.
  for (let round = 0; round <= options.rounds; round++) {
    for (const [i, one] of loaded.entries()) {
      one.times.files.push(await ask(connection, sources[i], expected))
      one.times.own.push(await ask(connection, 'own', expected))
      await read(one, expected, round)
    }
  }
  connection.closeSync()
  return loaded.map(({ layout, directory, times }) => ({
    layout,
    bytesPerRow: bytesBelow(directory) / options.rows,
    duckOverFilesMs: median(times.files.slice(1)),
    duckOverOwnMs: median(times.own.slice(1)),
    getMicros: median(times.get.slice(1)),
    scanMicrosPerRow: median(times.scan.slice(1)),
  }))
}

/** Loads a table for each layout, in directories of their own that last until all are measured. */
async function run(left: readonly Layout[], loaded: readonly Loaded[]): Promise<LayoutCost[]> {
  const [layout, ...rest] = left
  if (layout === undefined) return measure(loaded)
  return inDirectory(async (directory) => run(rest, [...loaded, await load(layout, directory)]))
}

process.stdout.write(`${JSON.stringify(await run(options.layouts, []))}\n`)
