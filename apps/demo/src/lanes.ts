import { loadavg, freemem } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { Latency, timed } from './latency.ts'
import type { Clock, SampleTable } from './recorder.ts'
import type { SampleInsert } from './tables.ts'

/** A measurement that a lane repeats. */
interface Gauge {
  readonly metric: string
  readonly read: () => number
}

/** What one lane has written and knows to be durable, in the order of its keys. */
export interface Lane {
  readonly metric: string
  readonly subject: string
  readonly written: SampleInsert[]
}

const LANES = 64

/** Many callers that each wait for their own durable put, as the requests of a server would. */
export class Lanes {
  readonly latency: Latency = new Latency()
  readonly lanes: readonly Lane[]
  readonly #samples: SampleTable
  readonly #clock: Clock
  readonly #gauges: readonly Gauge[] = gauges()

  constructor(samples: SampleTable, clock: Clock) {
    this.#samples = samples
    this.#clock = clock
    this.lanes = Array.from({ length: LANES }, (_, index) => ({
      metric: this.#gauges[index % this.#gauges.length].metric,
      subject: `lane ${index}`,
      written: [],
    }))
  }

  /** Writes until the signal says stop; every write that was begun is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.lanes.map((lane, index) => this.#runLane(lane, this.#gauges[index % this.#gauges.length], signal)),
    )
  }

  async #runLane({ metric, subject, written }: Lane, gauge: Gauge, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const row = { metric, subject, taken_at: this.#clock.now(), value: gauge.read() }
      await timed(this.latency, () => this.#samples.put(row))
      written.push(row)
      await setImmediate()
    }
  }
}

/** What a process can tell of itself at no cost. */
function gauges(): readonly Gauge[] {
  const own = (metric: keyof NodeJS.ResourceUsage): Gauge => ({
    metric: `own_${metric}`,
    read: () => process.resourceUsage()[metric],
  })
  return [
    { metric: 'own_rss_bytes', read: () => process.memoryUsage.rss() },
    { metric: 'own_heap_bytes', read: () => getHeapStatistics().used_heap_size },
    { metric: 'own_cpu_seconds', read: () => process.cpuUsage().user / 1e6 },
    { metric: 'own_loop_utilization', read: () => performance.eventLoopUtilization().utilization },
    { metric: 'own_uptime_seconds', read: () => process.uptime() },
    { metric: 'free_memory_bytes', read: () => freemem() },
    { metric: 'load_now', read: () => loadavg()[0] },
    own('minorPageFault'),
    own('voluntaryContextSwitches'),
    own('involuntaryContextSwitches'),
    own('fsWrite'),
  ]
}
