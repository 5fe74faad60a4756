import { openTable } from '@meru/db'
import { mkdtempSync, rmSync } from 'node:fs'
import { ROWS_TABLE } from './src/engines/meru.ts'
import { rowOf } from './src/rows.ts'
const N = Number(process.argv[2] ?? 1_000_000)
const dir = mkdtempSync('/tmp/lead/zzl-')
const t = await openTable(dir, ROWS_TABLE, {})
let gen = 0
function* src() {
  for (let i = 0; i < N; i += 1000) {
    const a = performance.now()
    const rows = Array.from({ length: 1000 }, (_, k) => rowOf(i + k))
    gen += performance.now() - a
    yield rows
  }
}
const c0 = process.cpuUsage(),
  m0 = process.threadCpuUsage(),
  t0 = performance.now()
await t.ingest(src())
const w = performance.now() - t0 - gen,
  c = process.cpuUsage(c0),
  m = process.threadCpuUsage(m0)
console.log(
  N,
  'wall',
  w.toFixed(0),
  'rows/s',
  ((N / w) * 1000).toFixed(0),
  'cpu us/row',
  ((c.user + c.system - gen * 1000) / N).toFixed(2),
  'main us/row',
  ((m.user + m.system - gen * 1000) / N).toFixed(2),
  'rss',
  (process.memoryUsage().rss / 2 ** 20).toFixed(0),
)
console.log(JSON.stringify(t.stats().levels))
await t.close()
rmSync(dir, { recursive: true })
