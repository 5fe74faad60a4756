import { setImmediate } from 'node:timers/promises'
import { Lanes } from './lanes.ts'
import { Reader } from './reader.ts'
import { Clock, Recorder, type Tables } from './recorder.ts'
import type { Sampler } from './sampler.ts'

export interface WorkloadOptions {
  readonly sampler: Sampler
  readonly seconds: number
  readonly signal: AbortSignal
  /** Called now and then. */
  readonly onProgress: (progress: { readonly seconds: number; readonly rows: number }) => void
}

/** What was done, and the parts that know about it. */
export interface Recording {
  readonly seconds: number
  readonly recorder: Recorder
  readonly lanes: Lanes
  readonly reader: Reader
}

/** A moment is compared whole after every so many ticks. */
const TICKS_PER_CHECK = 8

/** Records the computer with everything going on at once: ticks, single puts, reads. */
export async function record(tables: Tables, options: WorkloadOptions): Promise<Recording> {
  const clock = new Clock()
  const recorder = new Recorder(tables, options.sampler, clock)
  const lanes = new Lanes(tables.samples, clock)
  const reader = new Reader(tables, recorder, lanes.lanes)
  const started = performance.now()
  const elapsed = (): number => (performance.now() - started) / 1000
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), options.seconds * 1000)
  const signal = AbortSignal.any([options.signal, stop.signal])
  const work = [
    runTicks({ recorder, reader, signal }, () => {
      const { upserts, deletes, samples } = recorder.counts
      options.onProgress({ seconds: elapsed(), rows: upserts + deletes + samples + lanes.latency.count })
    }),
    lanes.run(signal),
    reader.run(signal),
  ]
  try {
    // The first failure ends the others, and all are waited for before anything is closed.
    await Promise.all(
      work.map((part) =>
        part.catch((error: unknown) => {
          stop.abort()
          throw error
        }),
      ),
    )
  } finally {
    clearTimeout(timer)
    await Promise.allSettled(work)
  }
  return { seconds: elapsed(), recorder, lanes, reader }
}

async function runTicks(
  {
    recorder,
    reader,
    signal,
  }: { readonly recorder: Recorder; readonly reader: Reader; readonly signal: AbortSignal },
  onTick: () => void,
): Promise<void> {
  while (!signal.aborted) {
    await recorder.tick()
    onTick()
    if (recorder.counts.ticks % TICKS_PER_CHECK === 1) {
      using moment = closing(recorder.moment())
      await Promise.all([reader.checkMoment(moment), recorder.tick()])
    }
    await setImmediate()
  }
}

type Moment = ReturnType<Recorder['moment']>

function closing(moment: Moment): Moment & Disposable {
  return { ...moment, [Symbol.dispose]: () => moment.snapshot.close() }
}
