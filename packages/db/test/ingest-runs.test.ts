import type { JobRunner, RunTask } from '@meru/compaction'
import { RowCodec } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import { layoutFor } from '@meru/sst'
import { expect, test } from 'vitest'
import { RunCollector } from '../src/ingest-runs.ts'
import { events, type Happening } from './fixture.ts'

const RUN_BYTES = 64 * 1024

/** Runs are not written but counted, and timers end when a test says so. */
class Runs {
  /** The parts of each run. */
  readonly parts: number[] = []
  readonly timers: (() => void)[] = []
  readonly collector: RunCollector
  #id = 0

  constructor() {
    const codec = RowCodec.compile('events', events.schema)
    this.collector = new RunCollector(codec, {
      runner: { writeRun: (task: RunTask) => this.#count(task.parts) } as unknown as JobRunner,
      task: { table: 'events', schema: codec.schema, level: 1, fileBytesTarget: 1 << 20 },
      layout: layoutFor(1),
      runBytes: RUN_BYTES,
      runsInFlight: 1,
      signal: new AbortController().signal,
      after: (_, task) => void this.timers.push(task),
    })
  }

  /** Adds ascending rows until the collector hands them on, and waits until they are written. */
  async addPart(): Promise<void> {
    const next = (): Happening => ({ at: BigInt(this.#id), what: 'x'.repeat(100) })
    while (this.collector.add(next())) this.#id++
    await this.collector.makeRoom()
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #count(parts: AsyncIterable<Memtable>): Promise<[]> {
    const run = this.parts.push(0) - 1
    for await (const part of parts) if (part.entries > 0) this.parts[run]++
    return []
  }
}

test('a run waits a while for its next part, then ends: the source is slow, and rows are handed on in whole runs', async () => {
  const runs = new Runs()
  await runs.addPart()
  await runs.addPart()
  expect(runs.parts).toEqual([2])
  runs.timers[1]()
  await runs.addPart()
  await runs.addPart()
  await runs.collector.finish()
  expect(runs.parts).toEqual([2, 1, 1])
})

test('a source whose parts are written faster than it gives rows is not slow', async () => {
  const runs = new Runs()
  await runs.addPart()
  await runs.addPart()
  // The first part was followed by another meanwhile, which is written by now as well.
  runs.timers[0]()
  await runs.addPart()
  await runs.collector.finish()
  expect(runs.parts).toEqual([3])
})
