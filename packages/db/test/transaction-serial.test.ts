import { MemoryFs } from '@meru/fs'
import { Random, TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, t, table, type Table, type Transaction } from '../src/index.ts'
import { openMemory } from './fixture.ts'

const CELLS = 24
const WORKERS = 8
const TRANSACTIONS = 12

const cells = table('cells', { id: t.int(), value: t.int() }, { key: ['id'] })
const journal = table('journal', { id: t.int() }, { key: ['id'] })

interface Cell {
  id: number
  value: number
}

/** What a committed transaction read, as text, and wrote. */
interface Done {
  readonly id: number
  readonly reads: readonly { readonly from: number; readonly to: number; readonly seen: string }[]
  readonly writes: readonly (readonly [id: number, value: number | undefined])[]
}

interface Run {
  readonly db: Database
  readonly grid: Table<Cell, Cell, number>
  readonly entries: Table<{ id: number }, { id: number }, number>
  readonly random: Random
  readonly done: Done[]
  next: number
}

/** Reads some cells and ranges, and writes what depends on them; the journal tells when it was committed. */
async function step(run: Run, tx: Transaction, id: number): Promise<Done> {
  const { grid, entries, random } = run
  const reads: Done['reads'][number][] = []
  let sum = id
  for (let n = random.between(1, 3); n > 0; n--) {
    const from = random.below(CELLS)
    const to = random.oneIn(2) ? from : Math.min(CELLS, from + random.between(1, 6))
    const rows =
      from === to
        ? [await tx.get(grid, from)].filter((row) => row !== undefined)
        : await tx.scan(grid, { gte: from, lte: to, reverse: random.oneIn(2) }).toArray()
    const seen = rows.toSorted((a, b) => a.id - b.id).map((row) => `${row.id}=${row.value}`)
    reads.push({ from, to, seen: seen.join(' ') })
    for (const { value } of rows) sum = (sum + value) % 1000
  }
  const writes = [random.below(CELLS), CELLS + (id % 5)].map((cell): [number, number | undefined] => {
    return [cell, random.oneIn(4) ? undefined : sum]
  })
  for (const [cell, value] of writes) {
    if (value === undefined) tx.delete(grid, cell)
    else tx.put(grid, { id: cell, value })
  }
  tx.put(entries, { id })
  return { id, reads, writes }
}

async function work(run: Run, isolation: 'serializable' | 'snapshot'): Promise<void> {
  const { db, grid, entries, random } = run
  for (let n = 0; n < TRANSACTIONS; n++) {
    const id = run.next++
    if (random.oneIn(5)) {
      // A write without a transaction.
      const cell = { id: random.below(CELLS), value: id }
      await db.batch((batch) => batch.put(grid, cell).put(entries, { id }))
      run.done.push({ id, reads: [], writes: [[cell.id, cell.value]] })
    } else {
      run.done.push(
        await db.transaction((tx) => step(run, tx, id), { isolation, retries: 100, backoffMs: 1 }),
      )
    }
    if (random.oneIn(12)) await grid.flush()
    if (random.oneIn(25)) await grid.compact()
  }
}

/** Does all of them again, one after the other in the order of their commits; returns the reads that saw something else. */
async function strangeReads(run: Run): Promise<string[]> {
  const order = await Promise.all(
    run.done.map(async (done) => ({
      done,
      version: (await run.entries.getWithVersion(done.id))?.version ?? 0,
    })),
  )
  const state = new Map<number, number>()
  const strange: string[] = []
  for (const { done } of order.toSorted((a, b) => a.version - b.version)) {
    for (const { from, to, seen } of done.reads) {
      const there = [...state].filter(([id]) => id >= from && id <= to).toSorted(([a], [b]) => a - b)
      const expected = there.map(([id, value]) => `${id}=${value}`).join(' ')
      if (seen !== expected)
        strange.push(`transaction ${done.id}, ${from} to ${to}: ${seen}, not ${expected}`)
    }
    for (const [id, value] of done.writes) {
      if (value === undefined) state.delete(id)
      else state.set(id, value)
    }
  }
  const found = (await run.grid.scan().toArray()).map(({ id, value }) => `${id}=${value}`)
  const expected = [...state].toSorted(([a], [b]) => a - b).map(([id, value]) => `${id}=${value}`)
  if (found.join(' ') !== expected.join(' '))
    strange.push(`at the end ${found.join(' ')}, not ${expected.join(' ')}`)
  return strange
}

async function runSeed(
  seed: number,
  isolation: 'serializable' | 'snapshot',
): Promise<{ strange: string[]; conflicts: number }> {
  const env = new TestEnvironment({ seed })
  return env.until(runAll(env, seed, isolation))
}

async function runAll(
  env: TestEnvironment,
  seed: number,
  isolation: 'serializable' | 'snapshot',
): Promise<{ strange: string[]; conflicts: number }> {
  const settings = { memtableBytesMax: 2048 }
  const db = await openMemory(new MemoryFs(), { settings, components: { env } })
  const random = new Random(seed)
  const run: Run = {
    db,
    grid: await db.table(cells),
    entries: await db.table(journal),
    random,
    done: [],
    next: 1,
  }
  await Promise.all(Array.from({ length: WORKERS }, () => work(run, isolation)))
  expect(run.done).toHaveLength(WORKERS * TRANSACTIONS)
  const strange = await strangeReads(run)
  const { conflicts } = db.stats().counters
  await db.close()
  return { strange, conflicts }
}

describe('transactions side by side', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'are as if one came after the other (seed %i)',
    { timeout: 60_000 },
    async (seed) => {
      const { strange, conflicts } = await runSeed(seed, 'serializable')
      expect(strange).toEqual([])
      expect(conflicts).toBeGreaterThan(0)
    },
  )

  test('are not so under snapshot isolation, which the check tells', { timeout: 60_000 }, async () => {
    const found = await Promise.all([1, 2, 3].map((seed) => runSeed(seed, 'snapshot')))
    expect(found.flatMap(({ strange }) => strange).length).toBeGreaterThan(0)
  })
})
