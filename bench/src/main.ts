import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs, promisify } from 'node:util'
import { markdown, page, type Results } from './report.ts'
import type { Figure } from './workload.ts'

/** Compares Meru with other engines: all in one run, in turn, several rounds. `--write` keeps the results. */
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    durable: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '5' },
    engines: { type: 'string', default: 'meru,classic-level,lmdb,node:sqlite' },
    write: { type: 'boolean', default: false },
  },
})

interface Run {
  readonly engine: string
  readonly version: string
  readonly figures: Figure[]
}

const run = promisify(execFile)

async function measureOnce(engine: string): Promise<Run> {
  const script = new URL('run-engine.ts', import.meta.url).pathname
  const args = ['--conditions=@meru/source', '--no-warnings', script, engine, options.rows, options.durable]
  const { stdout } = await run(process.execPath, args, { maxBuffer: 1 << 24 })
  return JSON.parse(stdout) as Run
}

const names = options.engines.split(',')
const runs = new Map<string, Run[]>(names.map((name) => [name, []]))
for (let round = 0; round < Number(options.rounds); round++) {
  for (const name of names) {
    const begun = performance.now()
    runs.get(name)?.push(await measureOnce(name))
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    process.stderr.write(`round ${round + 1} of ${options.rounds}: ${name} ${seconds} s\n`)
  }
}
const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: { node: process.version, cpu: cpus()[0].model, cores: cpus().length, platform: process.platform },
  scale: {
    rows: Number(options.rows),
    durableWrites: Number(options.durable),
    rounds: Number(options.rounds),
  },
  engines: names.map((name) => {
    const own = runs.get(name) as Run[]
    return { name, version: own[0].version, rounds: own.map((one) => one.figures) }
  }),
}
process.stdout.write(`${markdown(results)}\n`)
if (options.write) {
  const root = new URL('../', import.meta.url)
  mkdirSync(new URL('results/', root), { recursive: true })
  writeFileSync(new URL('results/engines.json', root), `${JSON.stringify(results, null, 1)}\n`)
  writeFileSync(new URL('../docs/benchmarks.md', root), page(results))
}
