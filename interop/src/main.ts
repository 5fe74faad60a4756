// Every reader of Iceberg that this machine can have, on random histories of Meru. `--write` puts the
// result into docs/interop.md, `--seeds n`, `--conditions n`, `--readers a,b` and `--minutes n` narrow the run; a reader that is large to fetch runs if it is named or in the cache. A reader that cannot be had
// is a row that says why; a reader that differs fails the run, unless the matrix expects it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeMaterial } from './material.ts'
import type { Cell } from './cell.ts'
import { testReader } from './matrix.ts'
import { endAfter, HOME, type Reader, type ReaderSource } from './reader.ts'
import { READERS } from './readers.ts'
import { matrixPage, matrixText, type Missing } from './report.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    operations: { type: 'string', default: '90' },
    conditions: { type: 'string', default: '10000' },
    readers: { type: 'string', default: '' },
    minutes: { type: 'string', default: '120' },
    write: { type: 'boolean', default: false },
  },
})

endAfter(Number(values.minutes))
const root = mkdtempSync(join(tmpdir(), 'meru-interop-'))
const material = await makeMaterial(root, {
  seeds: Number(values.seeds),
  operations: Number(values.operations),
  conditions: Number(values.conditions),
})
const { exported } = material
const partitions = exported
  .filter(({ isCurrent }) => isCurrent)
  .reduce((sum, each) => sum + each.partitions, 0)
if (partitions === 0) throw new Error('no table has a partition')
console.log(`${exported.length} snapshots of ${values.seeds} histories, ${partitions} partitions`)

const cells: Cell[] = []
const missing: Missing[] = []
for (const source of READERS) {
  if (values.readers !== '' && !values.readers.split(',').includes(source.name)) continue
  const started = process.hrtime.bigint()
  const reader = await prepare(source)
  if (reader === undefined) continue
  try {
    cells.push(...(await testReader(reader, material)))
  } catch (error) {
    missing.push({ reader: source.name, reason: `${reader.version} does not run: ${messageOf(error)}` })
  }
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n)
  console.log(`${source.name}: ${seconds} s`)
}
rmSync(root, { recursive: true, force: true })

console.log(matrixText(cells, missing))
const page = { cells, missing, seeds: Number(values.seeds), snapshots: exported.length, date: new Date() }
if (values.write) writeFileSync(join(HOME, '..', 'docs', 'interop.md'), matrixPage(page))
const surprises = cells.filter(({ results }) => Object.values(results).some(({ failed }) => failed > 0))
if (surprises.length > 0 || cells.length === 0) process.exitCode = 1

async function prepare(source: ReaderSource): Promise<Reader | undefined> {
  try {
    return await source.prepare(values.readers.split(',').includes(source.name))
  } catch (error) {
    missing.push({ reader: source.name, reason: messageOf(error) })
    return undefined
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
