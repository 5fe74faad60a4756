/** Percentiles are of the samples kept; past this many, each new one replaces an old one in turn. */
const KEPT_MAX = 1 << 16

/** How long something took, each time. */
export class Latency {
  count = 0
  readonly #milliseconds = new Float64Array(KEPT_MAX)

  add(milliseconds: number): void {
    this.#milliseconds[this.count % KEPT_MAX] = milliseconds
    this.count++
  }

  /** The time within which this share of the calls was done; 0 without calls. */
  percentile(share: number): number {
    const kept = this.#milliseconds.slice(0, Math.min(this.count, KEPT_MAX)).toSorted()
    if (kept.length === 0) return 0
    return kept[Math.min(kept.length - 1, Math.floor(kept.length * share))]
  }
}

/** Runs `work` and adds how long it took. */
export async function timed<T>(latency: Latency, work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  latency.add(performance.now() - started)
  return result
}
