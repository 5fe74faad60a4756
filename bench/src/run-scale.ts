import { bytesBelow, forget, inDirectory } from './disk.ts'
import { ENGINES } from './engine-list.ts'
import { Unavailable, type Engine } from './engine.ts'
import { memoryDuring } from './memory.ts'
import { breathe, idleDelay, loopDelayDuring } from './event-loop.ts'
import { KEY_STEP, randomOf, rowOf, zipf, type Row } from './rows.ts'
import { median } from './results.ts'
import type { Cost, ScaleOptions, ScaleRun } from './scale.ts'
import { KEEPS_SPANS, monotonicMicros, type Span } from './spans.ts'

/** Measures one engine at one size in this process: `run-scale.ts <engine> <options as JSON>`. */
const MIB = 1 << 20
/** Small beside every table, so that the share of pages in memory hardly differs. */
const CACHE_BYTES = 16 * MIB
const LOAD_ROWS = 1000
const UPSERT_ROWS = 100
const CHUNK = 200
const REVISIONS = 250

interface Subject {
  readonly engine: Engine
  readonly directory: string
  readonly options: ScaleOptions
  readonly revisions: Uint8Array
  readonly random: () => number
  readonly costs: Cost[]
}

/** Counts the time and the processor time of some work, without what making rows takes. */
class Work {
  readonly #begun = performance.now()
  readonly #cpu = process.cpuUsage()
  #ownWall = 0
  #ownCpu = 0
  readonly #spans: Span[] = []
  #spanBegun = this.#begun

  /** Makes rows; that is the caller's work and not the engine's. */
  make<T>(work: () => T): T {
    const begun = performance.now()
    const cpu = process.threadCpuUsage()
    const made = work()
    const used = process.threadCpuUsage(cpu)
    this.#ownCpu += used.user + used.system
    const ended = performance.now()
    this.#ownWall += ended - begun
    this.#endSpan(begun, ended)
    return made
  }

  cost(name: string, count: number): Cost {
    const used = process.cpuUsage(this.#cpu)
    const now = performance.now()
    const wall = (now - this.#begun - this.#ownWall) * 1000
    this.#endSpan(now, now)
    return {
      name,
      count,
      wallMicros: wall / count,
      cpuMicros: (used.user + used.system - this.#ownCpu) / count,
      ...(KEEPS_SPANS ? { profiled: { count, spans: this.#spans } } : {}),
    }
  }

  #endSpan(at: number, next: number): void {
    if (KEEPS_SPANS) this.#spans.push([monotonicMicros(this.#spanBegun), monotonicMicros(at)])
    this.#spanBegun = next
  }

  get milliseconds(): number {
    return performance.now() - this.#begun
  }
}

async function load({ engine, options, costs }: Subject): Promise<void> {
  const work = new Work()
  for (let from = 0; from < options.rows; from += LOAD_ROWS) {
    const to = Math.min(options.rows, from + LOAD_ROWS)
    const rows = work.make(() => Array.from({ length: to - from }, (_, i) => rowOf(from + i)))
    await engine.putBatch(rows, { durable: false })
  }
  await engine.settle()
  costs.push(work.cost('load, ascending', options.rows))
}

/** Upserts of random rows as fast as they are taken; the work left behind counts. */
async function upserts(subject: Subject): Promise<Pick<ScaleRun, 'loop' | 'upserted'>> {
  const { engine, options, costs } = subject
  const idle = await idleDelay(options.upsertMs / 10)
  const work = new Work()
  let upserted = 0
  const { delay } = await loopDelayDuring(async () => {
    while (work.milliseconds < options.upsertMs) {
      const rows = work.make(() => Array.from({ length: UPSERT_ROWS }, () => changed(subject)))
      await engine.putBatch(rows, { durable: false })
      await breathe()
      upserted += rows.length
    }
    await engine.settle()
  })
  costs.push(work.cost('sustained random upserts', upserted))
  return { loop: { idle, ingest: delay }, upserted }
}

function changed({ options, revisions, random }: Subject): Row {
  const n = random() % options.rows
  revisions[n] = (revisions[n] + 1) % REVISIONS
  return rowOf(n, revisions[n])
}

/** Random upserts that are not measured. */
async function change(subject: Subject, rows: number): Promise<void> {
  for (let done = 0; done < rows; done += UPSERT_ROWS) {
    const batch = Array.from({ length: UPSERT_ROWS }, () => changed(subject))
    await subject.engine.putBatch(batch, { durable: false })
  }
}

async function flushes(subject: Subject): Promise<void> {
  const { engine, options, costs } = subject
  const rows = Math.min(options.rows, options.flushRows)
  const found: Cost[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    await change(subject, rows)
    const work = new Work()
    await engine.flush?.()
    found.push(work.cost(`flush of ${rows} random upserts`, rows))
  }
  costs.push(middle(found))
}

async function gets(subject: Subject, name: string, pick: () => number): Promise<void> {
  const { engine, options, revisions, costs } = subject
  const found: Cost[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const work = new Work()
    let done = 0
    while (done === 0 || work.milliseconds < options.readMs) {
      const picked = work.make(() => Array.from({ length: CHUNK }, pick))
      const rows: (Row | undefined)[] = []
      for (const n of picked) rows.push(engine.getSync?.(n * KEY_STEP))
      done += CHUNK
      work.make(() => picked.forEach((n, i) => check(rows[i], n, revisions[n])))
    }
    found.push(work.cost(name, done))
  }
  costs.push(middle(found))
}

async function scans({ engine, options, random, costs }: Subject): Promise<void> {
  const found: Cost[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const work = new Work()
    let done = 0
    while (done === 0 || work.milliseconds < options.readMs) {
      const start = random() % (options.rows - CHUNK)
      const rows = await engine.range(start * KEY_STEP, 100)
      if (rows.length !== 100 || rows[99].id !== (start + 99) * KEY_STEP)
        throw new Error(`range from ${start}`)
      done++
    }
    found.push(work.cost('range scan of 100', done))
  }
  costs.push(middle(found))
  for (const [name, scan] of [
    ['full scan to row objects', () => engine.scanRows()],
    ['full scan to column batches', () => engine.scanColumns?.()],
  ] as const) {
    const work = new Work()
    const totals = await scan()
    if (totals === undefined) continue
    if (totals.rows !== options.rows) throw new Error(`${name} found ${totals.rows} of ${options.rows} rows`)
    costs.push(work.cost(name, options.rows))
  }
}

/** With changes in every part of the table, so that all of it is written anew. */
async function compact(subject: Subject): Promise<Pick<ScaleRun, 'compactionRate' | 'compactionMebibytes'>> {
  const { engine, directory, options, costs } = subject
  await change(subject, Math.min(options.rows, options.flushRows))
  await engine.flush?.()
  const bytes = bytesBelow(directory)
  const work = new Work()
  const compactionMebibytes = await memoryDuring(async () => engine.compact?.())
  costs.push(work.cost('compaction of everything', options.rows))
  return { compactionRate: bytes / MIB / (work.milliseconds / 1000), compactionMebibytes }
}

async function opens({ engine, directory, options, costs }: Subject): Promise<void> {
  for (const name of ['open, cold', 'open, warm']) {
    const found: Cost[] = []
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      if (name === 'open, cold') forget(directory)
      const work = new Work()
      await engine.open(directory, { cacheBytes: CACHE_BYTES })
      found.push(work.cost(name, 1))
      await engine.close()
    }
    costs.push(middle(found))
  }
}

function middle(costs: readonly Cost[]): Cost {
  const wallMicros = median(costs.map((cost) => cost.wallMicros))
  return costs.find((cost) => cost.wallMicros === wallMicros) ?? costs[0]
}

function check(row: Row | undefined, n: number, revision: number): void {
  const expected = rowOf(n, revision)
  if (JSON.stringify(row) === JSON.stringify(expected)) return
  throw new Error(`row ${n} came back as ${JSON.stringify(row)}, expected ${JSON.stringify(expected)}`)
}

async function measure(engine: Engine, directory: string, options: ScaleOptions): Promise<ScaleRun> {
  const revisions = new Uint8Array(options.rows)
  const subject: Subject = { engine, directory, options, revisions, random: randomOf(23), costs: [] }
  await engine.open(directory, { cacheBytes: CACHE_BYTES })
  await load(subject)
  const written = await upserts(subject)
  const uniform = (): number => subject.random() % options.rows
  let compacted: Awaited<ReturnType<typeof compact>> = {}
  if (engine.flush !== undefined) {
    await flushes(subject)
    await engine.settle()
    await gets(subject, 'get, uniform, before compaction', uniform)
    compacted = await compact(subject)
    await engine.settle()
  }
  await gets(subject, 'get, uniform', uniform)
  const hot = zipf(options.rows, Math.min(options.rows, 1 << 18))
  await gets(subject, 'get, zipf', () => hot[subject.random() % hot.length])
  await scans(subject)
  await engine.close()
  const bytesPerRow = bytesBelow(directory) / options.rows
  await opens(subject)
  return {
    engine: engine.name,
    version: engine.version,
    rows: options.rows,
    costs: subject.costs,
    ...written,
    ...compacted,
    bytesPerRow,
    peakMebibytes: process.resourceUsage().maxRSS / 1024,
  }
}

const [name, options] = process.argv.slice(2)
try {
  const engine = await ENGINES[name]()
  const run = await inDirectory((directory) =>
    measure(engine, directory, JSON.parse(options) as ScaleOptions),
  )
  process.stdout.write(`${JSON.stringify(run)}\n`)
} catch (error) {
  if (!(error instanceof Unavailable)) throw error
  process.stdout.write(`${JSON.stringify({ engine: name, skipped: error.message })}\n`)
}
