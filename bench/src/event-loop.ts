import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late the event loop was, in milliseconds beyond the sampling interval. */
export interface LoopDelay {
  readonly p99: number
  readonly max: number
}

const RESOLUTION_MS = 1
const NANOSECONDS = 1e6

/** The delay of the event loop while `work` runs. */
export async function loopDelayDuring<T>(work: () => Promise<T>): Promise<{ result: T; delay: LoopDelay }> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  try {
    const result = await work()
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS)
    return { result, delay: { p99: late(histogram.percentile(99)), max: late(histogram.max) } }
  } finally {
    histogram.disable()
  }
}

/** The delay of a loop that does nothing: what the machine itself adds. */
export async function idleDelay(milliseconds: number): Promise<LoopDelay> {
  const { delay } = await loopDelayDuring(() => sleep(milliseconds))
  return delay
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Lets timers and the loop's own work run. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
