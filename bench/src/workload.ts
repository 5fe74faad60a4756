import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { rowOf, shuffled, zipf, type Row } from './rows.ts'

/** One figure: `value` in `unit`; more is better unless `less` is set. */
export interface Figure {
  readonly operation: string
  readonly value: number
  readonly unit: string
  readonly less?: boolean
}

export interface Scale {
  /** Rows of the table that reads look at. */
  readonly rows: number
  /** Durable writes of one writer. */
  readonly durableWrites: number
}

type Report = (figure: Figure) => void

const BATCH = 1000

/** Everything that is measured of one engine, in one process. Reads are checked against what was written. */
export async function measure(engine: Engine, scale: Scale, report: Report): Promise<void> {
  await inDirectory(async (directory) => {
    await engine.open(directory)
    await durableWrites(engine, scale, report)
    await engine.close()
  })
  await inDirectory(async (directory) => {
    await engine.open(directory)
    await load(engine, scale, report)
    await bufferedWrites(engine, scale, report)
    await timeExtra(engine, 'flush', report)
    await reads(engine, scale, 'after flush', report)
    if (engine.extras?.compaction === undefined) await engine.settle()
    else await timeExtra(engine, 'compaction', report)
    await reads(engine, scale, 'after compaction', report)
    await scans(engine, scale, report)
    await timeExtra(engine, 'export', report)
    await engine.close()
    report({
      operation: 'bytes on disk per row',
      value: bytesBelow(directory) / scale.rows,
      unit: 'B',
      less: true,
    })
    await reopen(engine, directory, report)
  })
  report({ operation: 'peak memory', value: process.resourceUsage().maxRSS / 1024, unit: 'MiB', less: true })
}

async function durableWrites(engine: Engine, scale: Scale, report: Report): Promise<void> {
  let id = 0
  for (const writers of [1, 64, 1000]) {
    const writes = Math.max(writers * 5, Math.min(scale.rows, scale.durableWrites * (writers === 1 ? 1 : 10)))
    const rows = Array.from({ length: writes }, () => rowOf(id++))
    const begun = performance.now()
    let next = 0
    const writer = async (): Promise<void> => {
      while (next < rows.length) await engine.putDurable(rows[next++])
    }
    await Promise.all(Array.from({ length: writers }, writer))
    report(perSecond(`durable put, ${writers} ${writers === 1 ? 'writer' : 'writers'}`, writes, begun))
  }
  const batches = 40
  const rows = Array.from({ length: batches * BATCH }, () => rowOf(id++))
  const begun = performance.now()
  for (let i = 0; i < batches; i++)
    await engine.putBatch(rows.slice(i * BATCH, (i + 1) * BATCH), { durable: true })
  report(perSecond('durable batches of 1000', rows.length, begun))
}

/** Fills the table in ascending order, in batches. */
async function load(engine: Engine, scale: Scale, report: Report): Promise<void> {
  let milliseconds = 0
  for (let from = 0; from < scale.rows; from += BATCH) {
    const rows: Row[] = []
    for (let id = from; id < Math.min(scale.rows, from + BATCH); id++) rows.push(rowOf(id))
    const begun = performance.now()
    await engine.putBatch(rows, { durable: false })
    milliseconds += performance.now() - begun
  }
  report({
    operation: 'load, batches of 1000, ascending',
    value: (scale.rows / milliseconds) * 1000,
    unit: 'rows/s',
  })
}

/** Writes every row again, unchanged, in random order. */
async function bufferedWrites(engine: Engine, scale: Scale, report: Report): Promise<void> {
  const order = shuffled(scale.rows)
  const half = Math.floor(scale.rows / 2)
  let milliseconds = 0
  for (let from = 0; from < half; from += BATCH) {
    const rows = [...order.subarray(from, Math.min(half, from + BATCH))].map((id) => rowOf(id))
    const begun = performance.now()
    await engine.putBatch(rows, { durable: false })
    milliseconds += performance.now() - begun
  }
  report({ operation: 'batches of 1000, random', value: (half / milliseconds) * 1000, unit: 'rows/s' })
  const put = engine.putBuffered?.bind(engine)
  if (put === undefined) return
  milliseconds = 0
  for (let from = half; from < scale.rows; from += BATCH) {
    const rows = [...order.subarray(from, Math.min(scale.rows, from + BATCH))].map((id) => rowOf(id))
    const begun = performance.now()
    await Promise.all(rows.map((row) => put(row)))
    milliseconds += performance.now() - begun
  }
  const rest = scale.rows - half
  report({
    operation: 'buffered put, 1000 in flight, random',
    value: (rest / milliseconds) * 1000,
    unit: 'rows/s',
  })
}

async function reads(engine: Engine, scale: Scale, when: string, report: Report): Promise<void> {
  const count = Math.min(scale.rows, 50_000)
  const uniform = shuffled(scale.rows).subarray(0, count)
  const hot = zipf(scale.rows, count)
  if (engine.getSync !== undefined) {
    for (const [name, ids] of [
      ['uniform', uniform],
      ['zipf', hot],
    ] as const) {
      for (const id of ids.subarray(0, count / 4)) engine.getSync(id)
      const begun = performance.now()
      for (const id of ids) check(engine.getSync(id), id)
      report(perSecond(`get, synchronous, ${name}, ${when}`, count, begun))
    }
    const begun = performance.now()
    for (const id of uniform)
      if (engine.getSync(id + 2 * scale.rows) !== undefined) throw new Error(`found ${id}`)
    report(perSecond(`get of a missing key, ${when}`, count, begun))
  }
  if (engine.get !== undefined) {
    const begun = performance.now()
    for (const id of uniform) check(await engine.get(id), id)
    report(perSecond(`get, awaited, ${when}`, count, begun))
  }
  if (engine.getMany !== undefined) {
    const begun = performance.now()
    for (let from = 0; from + 100 <= count; from += 100) {
      const ids = [...uniform.subarray(from, from + 100)]
      const rows = await engine.getMany(ids)
      check(rows[99], ids[99])
    }
    report(perSecond(`getMany(100), ${when}`, Math.floor(count / 100) * 100, begun))
  }
}

async function scans(engine: Engine, scale: Scale, report: Report): Promise<void> {
  let expected = 0
  for (let id = 0; id < scale.rows; id++) expected += rowOf(id).score
  const near = (sum: number): void => {
    if (Math.abs(sum - expected) > 1e-6 * expected) throw new Error(`sum ${sum}, expected ${expected}`)
  }
  near(await engine.scanRows())
  let begun = performance.now()
  near(await engine.scanRows())
  report(perSecond('full scan to row objects', scale.rows, begun))
  near(await engine.sumScore())
  begun = performance.now()
  near(await engine.sumScore())
  report(perSecond('sum of a column', scale.rows, begun))
  const starts = shuffled(scale.rows - 100).subarray(0, 1000)
  begun = performance.now()
  for (const start of starts) {
    const rows = await engine.range(start, 100)
    if (rows !== 100) throw new Error(`${rows} rows from ${start}, expected 100`)
  }
  report({ ...perSecond('range scans of 100', starts.length, begun), unit: 'scans/s' })
}

async function timeExtra(engine: Engine, name: string, report: Report): Promise<void> {
  const run = engine.extras?.[name]
  if (run === undefined) return
  const begun = performance.now()
  await run()
  report({ operation: name, value: performance.now() - begun, unit: 'ms', less: true })
}

async function reopen(engine: Engine, directory: string, report: Report): Promise<void> {
  const begun = performance.now()
  await engine.open(directory)
  report({ operation: 'open', value: performance.now() - begun, unit: 'ms', less: true })
  await engine.close()
}

function perSecond(operation: string, count: number, begun: number): Figure {
  return { operation, value: (count / (performance.now() - begun)) * 1000, unit: 'ops/s' }
}

function check(row: Row | undefined, id: number): void {
  if (row?.id === id && row.payload.length > 80) return
  throw new Error(`row ${id} came back as ${JSON.stringify(row)}`)
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'meru-bench-'))
  try {
    await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function bytesBelow(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512
  }
  return bytes
}
