import type { Database, Snapshot, TableOf } from '@meru/db'
import { Latency, timed } from './latency.ts'
import type { HostSample, ProcessSample, Sampler } from './sampler.ts'
import type { processes, ProcessRow, SampleInsert, samples } from './tables.ts'

export type ProcessTable = TableOf<typeof processes>
export type SampleTable = TableOf<typeof samples>

export interface Tables {
  readonly database: Database
  readonly processes: ProcessTable
  readonly samples: SampleTable
}

/** The rows that table `processes` must hold after a tick, by process. */
export type ProcessModel = ReadonlyMap<string, ProcessRow>

/** A moment of the database, and what is known to be in it. */
export interface Moment {
  readonly snapshot: Snapshot
  readonly model: ProcessModel
}

export function identityOf({ pid, started }: Pick<ProcessRow, 'pid' | 'started'>): string {
  return `${pid} ${started.getTime()}`
}

/** Microseconds since the epoch that never repeat, so that no sample takes the place of another. */
export class Clock {
  #last = 0n

  now(): bigint {
    const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))
    this.#last = now > this.#last ? now : this.#last + 1n
    return this.#last
  }
}

/** What the recorder has written. */
export interface Counts {
  ticks: number
  upserts: number
  deletes: number
  samples: number
}

/** Writes the computer's state, one atomic batch over both tables for each tick. */
export class Recorder {
  readonly latency: Latency = new Latency()
  readonly counts: Counts = { ticks: 0, upserts: 0, deletes: 0, samples: 0 }
  readonly #tables: Tables
  readonly #sampler: Sampler
  readonly #clock: Clock
  #known: { readonly model: ProcessModel; readonly rows: readonly ProcessRow[] } = {
    model: new Map(),
    rows: [],
  }
  #running: Promise<void> = Promise.resolve()

  constructor(tables: Tables, sampler: Sampler, clock: Clock) {
    this.#tables = tables
    this.#sampler = sampler
    this.#clock = clock
  }

  /** What table `processes` holds, by all that was acknowledged. */
  get model(): ProcessModel {
    return this.#known.model
  }

  /** The same as a list. */
  get rows(): readonly ProcessRow[] {
    return this.#known.rows
  }

  /**
   * Samples the computer and writes it, or only those processes that differ. Resolves when the batch is durable. One
   * at a time.
   */
  tick(options: { readonly onlyChanged: boolean } = { onlyChanged: false }): Promise<void> {
    this.#running = this.#tick(options)
    return this.#running
  }

  /** Resolves when no tick is under way. */
  async settled(): Promise<void> {
    await this.#running.catch(() => undefined)
  }

  /** The present moment with what it must hold. No tick may be under way. */
  moment(): Moment {
    return { snapshot: this.#tables.database.snapshot(), model: this.#known.model }
  }

  async #tick({ onlyChanged }: { readonly onlyChanged: boolean }): Promise<void> {
    const { database, processes, samples } = this.#tables
    const host = await this.#sampler.sample()
    const tick = this.counts.ticks + 1
    const changed: ProcessRow[] = []
    const model = new Map<string, ProcessRow>()
    for (const process of host.processes) {
      const row = processRow(process, tick)
      const identity = identityOf(row)
      const known = this.#known.model.get(identity)
      const isSame = onlyChanged && known !== undefined && isUnchanged(known, row)
      model.set(identity, isSame ? known : row)
      if (!isSame) changed.push(row)
    }
    const ended = [...this.#known.model].filter(([identity]) => !model.has(identity)).map(([, row]) => row)
    const measured = sampleRows(host, this.#clock.now())
    await timed(this.latency, () =>
      database.batch((batch) => {
        for (const row of changed) batch.put(processes, row)
        for (const { pid, started } of ended) batch.delete(processes, { pid, started })
        for (const row of measured) batch.put(samples, row)
      }),
    )
    this.#known = { model, rows: [...model.values()] }
    this.counts.ticks = tick
    this.counts.upserts += changed.length
    this.counts.deletes += ended.length
    this.counts.samples += measured.length
  }
}

function processRow(process: ProcessSample, tick: number): ProcessRow {
  const { pid, started, name, state, cpuSeconds, rssBytes, threads, command } = process
  return { pid, started, name, state, cpu_seconds: cpuSeconds, rss_bytes: rssBytes, threads, command, tick }
}

function isUnchanged(a: ProcessRow, b: ProcessRow): boolean {
  return (
    a.state === b.state &&
    a.cpu_seconds === b.cpu_seconds &&
    a.rss_bytes === b.rss_bytes &&
    a.threads === b.threads
  )
}

function sampleRows({ metrics, processes }: HostSample, taken_at: bigint): SampleInsert[] {
  return [
    ...metrics.map((metric) => ({ ...metric, taken_at })),
    ...processes.flatMap(({ pid, started, rssBytes, cpuSeconds }) => {
      const subject = `${pid}@${Math.floor(started.getTime() / 1000)}`
      return [
        { metric: 'process_rss_bytes', subject, taken_at, value: rssBytes },
        { metric: 'process_cpu_seconds', subject, taken_at, value: cpuSeconds },
      ]
    }),
  ]
}
