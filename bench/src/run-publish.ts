import { openTable } from '@meru/db'
import { bytesBelow, inDirectory } from './disk.ts'
import { ROWS_TABLE, type RowsTable } from './engines/meru.ts'
import { duckOverExport } from './exported-files.ts'
import { ExpectedTable } from './expected.ts'
import type { Publication, PublishOptions } from './publish.ts'
import { median } from './results.ts'
import { batchesOf, range, shuffled } from './rows.ts'
import { expectGroups } from './totals.ts'

/** Publishes tables of growing size after some upserts: `run-publish.ts <options as JSON>`. */
const BATCH_ROWS = 1000
const options = JSON.parse(process.argv[2]) as PublishOptions

async function publish(directory: string, rows: number, fileBytesTarget: number): Promise<Publication> {
  const table = await openTable(directory, ROWS_TABLE, {
    settings: { fileBytesTarget, autoCompaction: false },
  })
  const expected = new ExpectedTable(rows)
  await table.ingest(batchesOf(range(0, rows), { size: BATCH_ROWS, revision: 0 }))
  await table.compact()
  await table.exportIceberg()
  const times: number[] = []
  const cpus: number[] = []
  const bytes: number[] = []
  const dataFiles = table.stats().files
  for (let round = 1; round <= options.rounds; round++) {
    const changed = shuffled(rows, round).subarray(0, options.upserts)
    await put(table, changed, round)
    expected.wrote(changed, round)
    await table.flush()
    const before = bytesBelow(directory)
    const cpu = process.cpuUsage()
    const begun = performance.now()
    const { liveRows, metadataFile, unchanged } = await table.exportIceberg()
    times.push(performance.now() - begun)
    const used = process.cpuUsage(cpu)
    cpus.push((used.user + used.system) / 1000)
    bytes.push(bytesBelow(directory) - before)
    if (liveRows !== rows || unchanged) throw new Error(`${liveRows} of ${rows} rows published, ${unchanged}`)
    if (round < options.rounds || rows > options.checkedRowsMax) continue
    const exported = await duckOverExport(directory, metadataFile)
    expectGroups('the export', await exported.sumByUser(), expected.groups())
    exported.close()
  }
  await table.close()
  return {
    rows,
    dataFiles,
    upserts: Math.min(rows, options.upserts),
    milliseconds: median(times),
    cpuMilliseconds: median(cpus),
    metadataBytes: median(bytes),
  }
}

async function put(table: RowsTable, numbers: Iterable<number>, revision: number): Promise<void> {
  for (const rows of batchesOf(numbers, { size: BATCH_ROWS, revision })) {
    await table.putMany(rows, { durability: 'buffered' })
  }
}

const publications: Publication[] = []
// Once for the compiler, which would count for the first table otherwise.
const [smallest] = options.tables
await inDirectory((directory) => publish(directory, smallest.rows, smallest.fileBytes))
for (const { rows, fileBytes } of options.tables) {
  publications.push(await inDirectory((directory) => publish(directory, rows, fileBytes)))
  process.stderr.write(`${JSON.stringify(publications.at(-1))}\n`)
}
process.stdout.write(`${JSON.stringify(publications)}\n`)
