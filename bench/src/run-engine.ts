import { ENGINES } from './engine-list.ts'
import { Unavailable } from './engine.ts'
import type { Figure } from './meter.ts'
import type { Scale } from './subject.ts'
import { measure } from './workload.ts'

/** Measures one engine in this process: `run-engine.ts <engine> <scale as JSON>`; JSON on stdout. */
const [name, scale] = process.argv.slice(2)
const load = ENGINES[name]
if (load === undefined) throw new Error(`no engine "${name}"; there are ${Object.keys(ENGINES).join(', ')}`)
try {
  const engine = await load()
  const figures: Figure[] = []
  await measure(engine, JSON.parse(scale) as Scale, (figure) => void figures.push(figure))
  process.stdout.write(`${JSON.stringify({ engine: engine.name, version: engine.version, figures })}\n`)
} catch (error) {
  if (!(error instanceof Unavailable)) throw error
  process.stdout.write(`${JSON.stringify({ engine: name, skipped: error.message })}\n`)
}
