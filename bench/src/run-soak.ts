import { bytesBelow, filesBelow, inDirectory } from './disk.ts'
import { meru } from './engines/meru.ts'
import { breathe } from './event-loop.ts'
import { percentile } from './results.ts'
import { KEY_STEP, randomOf, rowOf } from './rows.ts'
import type { SoakOptions, SoakSample } from './soak.ts'

/** Writes without end for a while, in this process: `run-soak.ts <options as JSON>`; samples on stderr too. */
const PUTS_AT_ONCE = 100
const REVISIONS = 250
const CHECKS = 20
const MIB = 1 << 20
const options = JSON.parse(process.argv[2]) as SoakOptions

async function soak(directory: string): Promise<SoakSample[]> {
  const engine = meru()
  const random = randomOf(41)
  const revisions = new Uint8Array(options.rows)
  const samples: SoakSample[] = []
  await engine.open(directory, { cacheBytes: 64 * MIB })
  const begun = performance.now()
  let windowBegun = begun
  let latencies: number[] = []
  while (performance.now() - begun < options.minutes * 60_000) {
    const puts: Promise<unknown>[] = []
    for (let i = 0; i < PUTS_AT_ONCE; i++) {
      const n = random() % options.rows
      revisions[n] = 1 + ((revisions[n] + 1) % REVISIONS)
      const put = performance.now()
      const durable = random() % options.durableEvery === 0
      const applied = durable
        ? engine.putDurable(rowOf(n, revisions[n]))
        : engine.putBuffered?.(rowOf(n, revisions[n]))
      puts.push(Promise.resolve(applied).then(() => latencies.push(performance.now() - put)))
    }
    await Promise.all(puts)
    await breathe()
    const now = performance.now()
    if (now - windowBegun < options.sampleMs) continue
    for (let i = 0; i < CHECKS; i++) check(random() % options.rows)
    samples.push(sample(directory, latencies, now - begun, now - windowBegun))
    process.stderr.write(`${JSON.stringify(samples.at(-1))}\n`)
    latencies = []
    windowBegun = performance.now()
  }
  for (let n = 0; n < options.rows; n++) check(n)
  await engine.close()
  return samples

  function check(n: number): void {
    const row = JSON.stringify(engine.getSync?.(n * KEY_STEP))
    const expected = revisions[n] === 0 ? undefined : JSON.stringify(rowOf(n, revisions[n]))
    if (row !== expected) throw new Error(`row ${n} came back as ${row}, expected ${expected}`)
  }
}

function sample(directory: string, latencies: number[], elapsed: number, window: number): SoakSample {
  return {
    seconds: elapsed / 1000,
    putsPerSecond: (latencies.length / window) * 1000,
    putP99Ms: percentile(latencies, 0.99),
    putMaxMs: latencies.reduce((most, latency) => Math.max(most, latency), 0),
    rssMebibytes: process.memoryUsage.rss() / MIB,
    files: filesBelow(directory).length,
    diskMebibytes: bytesBelow(directory) / MIB,
  }
}

const samples = await inDirectory(soak)
process.stdout.write(`${JSON.stringify(samples)}\n`)
