/** A time that was measured: when it began and ended, in microseconds of the machine's monotonic clock. */
export type Span = readonly [from: number, to: number]

/** Spans are kept only where a profile is taken, for a long run has many. */
export const KEEPS_SPANS: boolean = process.env.MERU_BENCH_SPANS === '1'

const MICROSECONDS = 1000
const ORIGIN = Number(process.hrtime.bigint() / 1000n) - performance.now() * MICROSECONDS

/** A moment of `performance.now()` on the clock that profiles use, which all threads share. */
export function monotonicMicros(milliseconds: number): number {
  return Math.round(ORIGIN + milliseconds * MICROSECONDS)
}
