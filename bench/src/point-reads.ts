import { Meter, type Figure } from './meter.ts'
import { KEY_STEP, shuffled, zipf, type Row } from './rows.ts'
import type { Subject } from './subject.ts'

const CHUNK = 500
const READS_MAX = 100_000
const MANY = 100
const COLD_READS_MAX = 3000

type Reads = 'get' | 'getSync'

/** Gets of keys that nothing was read for since the operating system forgot the files. */
export async function coldGets(subject: Subject): Promise<void> {
  const { engine, scale, report } = subject
  const ids = shuffled(scale.rows, 5).subarray(0, COLD_READS_MAX)
  const read: Reads = engine.getSync === undefined ? 'get' : 'getSync'
  report(await gets(subject, read, ids, 'get, uniform, cold'))
}

/** Gets of rows that fit the caches, after a warm-up. */
export async function reads(subject: Subject, when: string): Promise<void> {
  const { engine, scale, report } = subject
  const count = Math.min(scale.rows, READS_MAX)
  const uniform = shuffled(scale.rows).subarray(0, count)
  if (engine.getSync !== undefined) {
    const hot = zipf(scale.rows, count)
    for (const [name, ids] of [
      ['uniform', uniform],
      ['zipf', hot],
    ] as const) {
      await gets(subject, 'getSync', ids, 'warm-up')
      report(await gets(subject, 'getSync', ids, `get, synchronous, ${name}${when}`))
    }
    report(missing(subject, uniform, `get of a missing key${when}`))
  }
  if (engine.get !== undefined) {
    if (engine.getSync === undefined) await gets(subject, 'get', uniform, 'warm-up')
    report(await gets(subject, 'get', uniform, `get, awaited${when}`))
  }
  if (engine.getMany !== undefined) report(await getManys(subject, uniform, `getMany(100)${when}`))
}

/** Reads in chunks until the budget is used up. Every row is checked, field by field, outside of the time. */
async function gets(
  { engine, scale, expected }: Subject,
  read: Reads,
  ids: Uint32Array,
  operation: string,
): Promise<Figure> {
  const meter = new Meter()
  const rows: (Row | undefined)[] = []
  let done = 0
  while (done < ids.length && meter.milliseconds < scale.budgetMs) {
    const chunk = ids.subarray(done, done + CHUNK)
    meter.start()
    if (read === 'getSync')
      for (let i = 0; i < chunk.length; i++) rows[i] = touched(engine.getSync?.(chunk[i] * KEY_STEP))
    else for (let i = 0; i < chunk.length; i++) rows[i] = touched(await engine.get?.(chunk[i] * KEY_STEP))
    meter.stop()
    for (let i = 0; i < chunk.length; i++) expected.check(rows[i], chunk[i])
    done += chunk.length
  }
  return meter.rate(operation, done)
}

let sink = 0

/** Reads every field, so that none is decoded outside of the time. */
function touched(row: Row | undefined): Row | undefined {
  if (row !== undefined) sink += row.user.length + row.payload.length + row.score + Number(row.id)
  return row
}

/** Keys inside the range of the table that no row has. */
function missing({ engine, scale }: Subject, ids: Uint32Array, operation: string): Figure {
  const meter = new Meter()
  let done = 0
  while (done < ids.length && meter.milliseconds < scale.budgetMs) {
    const chunk = ids.subarray(done, done + CHUNK)
    let found = 0
    meter.start()
    for (const id of chunk) if (engine.getSync?.(id * KEY_STEP + 1) !== undefined) found++
    meter.stop()
    if (found > 0) throw new Error(`${engine.name} found ${found} rows that were never written`)
    done += chunk.length
  }
  return meter.rate(operation, done)
}

async function getManys(
  { engine, scale, expected }: Subject,
  ids: Uint32Array,
  operation: string,
): Promise<Figure> {
  const meter = new Meter()
  let done = 0
  while (done + MANY <= ids.length && meter.milliseconds < scale.budgetMs) {
    const chunk = [...ids.subarray(done, done + MANY)]
    const keys = chunk.map((id) => id * KEY_STEP)
    meter.start()
    const rows = (await engine.getMany?.(keys)) ?? []
    for (const row of rows) touched(row)
    meter.stop()
    for (const [i, row] of rows.entries()) expected.check(row, chunk[i])
    done += MANY
  }
  return meter.rate(operation, done)
}
