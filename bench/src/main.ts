import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ENGINE_NAMES } from './engine-list.ts'
import { regressions } from './gate.ts'
import { measureLayouts } from './layouts.ts'
import { layoutsPage } from './layouts-page.ts'
import { number, table } from './markdown.ts'
import { writePage } from './page.ts'
import { figures } from './peer-page.ts'
import { comparePeers } from './peers.ts'
import { publish } from './publish.ts'
import { writeResults, type PeerResults } from './results.ts'
import { profilePage } from './profile-page.ts'
import { profile } from './profile.ts'
import { measureScale, type ScaleOptions, type ScaleResults } from './scale.ts'
import type { Scale } from './subject.ts'
import { scalePage } from './scale-page.ts'
import { soak } from './soak.ts'
import { soakPage } from './soak-page.ts'
import { publishPage } from './publish-page.ts'
import { readTargets } from './targets.ts'

const HELP = `bench [command] [options]

  (none)    Meru and other engines side by side: --rows, --rounds, --budget <ms of a measured loop>, --engines
  scale     the same work on growing tables: --sizes <rows, in millions>, --engines, --seconds <of upserts>
  soak      an endless writer: --minutes, --rows
  publish   incremental Iceberg publication after 10,000 upserts
  profile   where Meru's time goes, the commands above under a profiler: --rows, --sizes, --budget
  layouts   what sizes of pages and their compression cost, for DuckDB and for gets: --rows, --rounds
  gate      compares two result files by ratios: gate <before> <after> [--tolerance 0.2]; ends with 1 if worse
  page      writes docs/benchmarks.md from bench/results

--write keeps the results and writes the page. --quick makes everything tiny, to see that it works.`

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    budget: { type: 'string', default: '400' },
    engines: { type: 'string' },
    sizes: { type: 'string', default: '1,10' },
    seconds: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '10' },
    tolerance: { type: 'string', default: '0.2' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const { quick } = options
const MILLION = 1_000_000
const KIB = 1 << 10
const MIB = 1 << 20
const log = (line: string): void => void process.stderr.write(`${line}\n`)
const print = (text: string): void => void process.stdout.write(`${text}\n`)

function keep(name: string, results: unknown): void {
  if (!options.write) return
  writeResults(name, results)
  writePage()
}

function peerScale(): Scale {
  return {
    rows: Number(options.rows ?? (quick ? 4000 : 200_000)),
    budgetMs: quick ? 20 : Number(options.budget),
  }
}

function tableSizes(): number[] {
  return quick ? [5000, 10_000] : options.sizes.split(',').map((size) => Number(size) * MILLION)
}

function scaleOptions(): Omit<ScaleOptions, 'rows'> {
  return quick
    ? { upsertMs: 200, flushRows: 1000, readMs: 20, repeats: 2 }
    : { upsertMs: Number(options.seconds) * 1000, flushRows: 100_000, readMs: 500, repeats: 5 }
}

async function runPeers(): Promise<void> {
  const results = await comparePeers({
    scale: peerScale(),
    rounds: quick ? 1 : Number(options.rounds),
    engines: options.engines?.split(',') ?? ENGINE_NAMES,
    log,
    onRound: (found) => keep('engines', found),
  })
  print(figures(results))
  for (const { engine, reason } of results.skipped) print(`${engine} was skipped: ${reason}`)
}

async function runScale(): Promise<void> {
  const results = await measureScale({
    sizes: tableSizes(),
    engines: options.engines?.split(',') ?? ['meru', 'rocksdb'],
    options: scaleOptions(),
    log,
    onRun: (found: ScaleResults) => keep('scale', found),
  })
  print(scalePage(results, readTargets()))
}

async function runLayouts(): Promise<void> {
  const results = await measureLayouts({
    rows: Number(options.rows ?? (quick ? 5000 : 200_000)),
    layouts: [128, 512, 2048, 8192].flatMap((pageRows) =>
      (['zstd', 'none'] as const).map((compression) => ({ pageRows, compression })),
    ),
    rounds: quick ? 1 : Number(options.rounds),
    gets: quick ? 50 : 2000,
  })
  print(layoutsPage(results))
  keep('layouts', results)
}

async function runProfile(): Promise<void> {
  const results = await profile({
    scale: peerScale(),
    sizes: tableSizes(),
    options: scaleOptions(),
    log,
  })
  print(profilePage(results, readTargets()))
  keep('profile', results)
}

async function runSoak(): Promise<void> {
  const results = await soak({
    minutes: quick ? 0.05 : Number(options.minutes),
    rows: Number(options.rows ?? (quick ? 5000 : 500_000)),
    durableEvery: 100,
    sampleMs: quick ? 500 : 5000,
  })
  print(soakPage(results, readTargets()))
  keep('soak', results)
}

async function runPublish(): Promise<void> {
  const sizes = quick ? [1000, 20_000] : [20_000, 200_000, 2 * MILLION]
  const largest = sizes[sizes.length - 1]
  const tables = sizes.map((rows) => ({ rows, fileBytes: 64 * MIB }))
  tables.push({ rows: largest, fileBytes: quick ? 16 * KIB : 128 * KIB })
  const results = await publish({
    tables,
    upserts: quick ? 100 : 10_000,
    rounds: quick ? 2 : 7,
    checkedRowsMax: 200_000,
  })
  print(publishPage(results, readTargets()))
  keep('publish', results)
}

function runGate([before, after]: readonly string[]): void {
  if (after === undefined) throw new TypeError('gate takes two files of results')
  const [earlier, later] = [before, after].map(
    (file) => JSON.parse(readFileSync(file, 'utf8')) as PeerResults,
  )
  const worse = regressions(earlier, later, Number(options.tolerance))
  if (worse.length === 0) return print(`No ratio is worse by more than ${options.tolerance}.`)
  const lines = worse.map((one) => [one.operation, number(one.before), number(one.after)])
  print(table(['operation', 'ratio before', 'ratio after'], lines))
  process.exitCode = 1
}

const [command = 'peers', ...rest] = positionals
const commands: Readonly<Record<string, () => void | Promise<void>>> = {
  peers: runPeers,
  scale: runScale,
  soak: runSoak,
  publish: runPublish,
  profile: runProfile,
  layouts: runLayouts,
  gate: () => runGate(rest),
  page: writePage,
}
if (options.help) print(HELP)
else if (commands[command] === undefined) throw new TypeError(`no command "${command}"\n\n${HELP}`)
else await commands[command]()
