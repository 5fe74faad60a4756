import { classicLevel } from './engines/classic-level.ts'
import { lmdb } from './engines/lmdb.ts'
import { meru } from './engines/meru.ts'
import { sqlite } from './engines/sqlite.ts'
import type { Engine } from './engine.ts'
import { measure, type Figure } from './workload.ts'

/** Measures one engine in this process: `run-engine.ts <engine> <rows> <durable writes>`; JSON on stdout. */
const engines: Record<string, () => Engine> = {
  meru,
  'classic-level': classicLevel,
  lmdb,
  'node:sqlite': sqlite,
}
const [name, rows, durableWrites] = process.argv.slice(2)
const engine = engines[name]?.()
if (engine === undefined) throw new Error(`no engine "${name}"; there are ${Object.keys(engines).join(', ')}`)
const figures: Figure[] = []
await measure(
  engine,
  { rows: Number(rows), durableWrites: Number(durableWrites) },
  (figure) => void figures.push(figure),
)
process.stdout.write(`${JSON.stringify({ engine: engine.name, version: engine.version, figures })}\n`)
