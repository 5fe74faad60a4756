import { number, table } from './markdown.ts'
import { circumstancesText } from './peer-page.ts'
import { growth, type SoakMeasure, type SoakResults, type SoakSample } from './soak.ts'
import { verdictOf, type Targets } from './targets.ts'

const LINES_MAX = 12
const ROW_BYTES = 130
const MIB = 1 << 20

const MEASURES: readonly { readonly measure: SoakMeasure; readonly name: string }[] = [
  { measure: 'putP99Ms', name: 'p99 of puts' },
  { measure: 'rssMebibytes', name: 'resident memory' },
  { measure: 'files', name: 'files' },
  { measure: 'diskMebibytes', name: 'bytes on disk' },
]

/** The section on an endless writer. */
export function soakPage({ circumstances, options, samples }: SoakResults, targets: Targets): string {
  const verdicts = MEASURES.map(({ measure, name }) => {
    const times = growth(samples, measure)
    return [name, times.toFixed(2), verdictOf(times, targets.soak, true)]
  })
  const rows = options.rows.toLocaleString('en-US')
  return [
    `## An endless writer`,
    `\`bench soak\`: ${options.minutes} min of random upserts of ${rows} keys, 100 in flight, one of ${options.durableEvery} durable; every ${options.sampleMs / 1000} s a sample, and rows compared with what was written last. In the end all of them are.`,
    circumstancesText(circumstances),
    table(
      ['s', 'puts/s', 'p99, ms', 'max, ms', 'RSS, MiB', 'files', 'disk, MiB', 'space amplification'],
      thinned(samples).map((sample) => lineOf(sample, options.rows)),
      0,
    ),
    `The median of the last third beside that of the second; the first third fills the table:`,
    table(['measure', 'growth', `≤ ${targets.soak.must}`], verdicts),
  ].join('\n\n')
}

function thinned(samples: readonly SoakSample[]): SoakSample[] {
  const step = Math.ceil(samples.length / LINES_MAX)
  return samples.filter((_, i) => i % step === step - 1)
}

function lineOf(sample: SoakSample, rows: number): string[] {
  const { seconds, putsPerSecond, putP99Ms, putMaxMs, rssMebibytes, files, diskMebibytes } = sample
  const amplification = diskMebibytes / ((rows * ROW_BYTES) / MIB)
  const values = [seconds, putsPerSecond, putP99Ms, putMaxMs, rssMebibytes]
  return [...values.map(number), String(files), number(diskMebibytes), number(amplification)]
}
