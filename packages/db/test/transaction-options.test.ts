import { MemoryFs } from '@meru/fs'
import { FaultyFs, TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { Database, Table, Transaction } from '../src/index.ts'
import { openMemory, users } from './fixture.ts'

const ada = { tenant: 'a', id: 1 }
const row = (age: number): { tenant: string; id: number; name: string; age: number } => ({
  ...ada,
  name: 'ada',
  age,
})

async function opened(
  env = new TestEnvironment({ seed: 3 }),
  fs = new MemoryFs() as never,
): Promise<{
  env: TestEnvironment
  db: Database
  people: Table<{ age: number | null }>
}> {
  const db = await env.until(openMemory(fs, { components: { env, fs }, takeover: true }))
  return { env, db, people: (await env.until(db.table(users))) as never }
}

type Opened = Awaited<ReturnType<typeof opened>>

/** Adds one; the first `rivals` runs meet a write of somebody else before they are committed. */
function increment(
  { people }: Opened,
  rivals: number,
): { body: (tx: Transaction) => Promise<number>; runs: () => number } {
  let runs = 0
  const body = async (tx: Transaction): Promise<number> => {
    const age = (await tx.get(people, ada))?.age ?? 0
    if (runs++ < rivals) await people.put(row(age + 100))
    tx.put(people, row(age + 1))
    return age + 1
  }
  return { body, runs: () => runs }
}

describe('retries', () => {
  test('run the function again, from the state that the conflict left', async () => {
    const all = await opened()
    const { body, runs } = increment(all, 3)
    expect(await all.env.until(all.db.transaction(body))).toBe(301)
    expect(runs()).toBe(4)
    expect(all.db.stats().counters).toMatchObject({ transactions: 1, conflicts: 3 })
    await all.env.until(all.db.close())
  })

  test('are bounded, by 10 or by the option', async () => {
    const all = await opened()
    for (const [options, expected] of [
      [{}, 11],
      [{ retries: 2 }, 3],
      [{ retries: 0 }, 1],
    ] as const) {
      const { body, runs } = increment(all, 1000)
      await expect(all.env.until(all.db.transaction(body, options))).rejects.toMatchObject({
        code: 'CONFLICT',
        key: ada,
      })
      expect(runs()).toBe(expected)
    }
    await all.env.until(all.db.close())
  })

  test('are not for what the function throws, be it a conflict', async () => {
    const all = await opened()
    await all.env.until(all.people.put(row(1)))
    let runs = 0
    const done = all.db.transaction(async () => {
      runs++
      await all.people.put(row(1), { ifAbsent: true })
    })
    await expect(all.env.until(done)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(runs).toBe(1)
    await all.env.until(all.db.close())
  })

  test('wait longer and longer, as backoffMs says', async () => {
    const waited = async (backoffMs: number): Promise<number> => {
      const all = await opened()
      const start = all.env.elapsed()
      await all.env.until(all.db.transaction(increment(all, 8).body, { backoffMs }))
      const elapsed = all.env.elapsed() - start
      await all.env.until(all.db.close())
      return elapsed
    }
    expect(await waited(0)).toBe(0)
    const short = await waited(4)
    const long = await waited(400)
    expect(short).toBeGreaterThan(0)
    // At most 4 + 8 + 16 + 32 + 64 + 128 + 256 + 256, plus the rounding of each.
    expect(short).toBeLessThanOrEqual(772)
    expect(long).toBeGreaterThan(short * 10)
  })

  test('let sixty-four writers of one row all come through', async () => {
    const all = await opened()
    await all.env.until(all.people.put(row(0)))
    const done = Promise.all(
      Array.from({ length: 64 }, () => all.db.transaction(increment(all, 0).body, { retries: 30 })),
    )
    const results = await all.env.until(done)
    expect(results.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1))
    expect(await all.env.until(all.people.get(ada))).toMatchObject({ age: 64 })
    expect(all.db.stats().counters.conflicts).toBeGreaterThan(0)
    await all.env.until(all.db.close())
  })
})

describe('signal', () => {
  const reason = new Error('enough')

  test('ends a transaction before it begins, at its next read, and before its commit', async () => {
    const all = await opened()
    const { db, people } = all
    const early = AbortSignal.abort(reason)
    await expect(db.transaction(() => expect.fail('ran'), { signal: early })).rejects.toBe(reason)
    for (const next of [(tx: Transaction) => tx.get(people, ada), () => Promise.resolve()]) {
      const control = new AbortController()
      const body = async (tx: Transaction): Promise<unknown> => {
        tx.put(people, row(1))
        control.abort(reason)
        return next(tx)
      }
      await expect(all.env.until(db.transaction(body, { signal: control.signal }))).rejects.toBe(reason)
      expect(await all.env.until(people.count())).toBe(0)
    }
    await all.env.until(db.close())
  })

  test('ends the wait for a retry', async () => {
    const all = await opened()
    const control = new AbortController()
    const { body, runs } = increment(all, 1000)
    const done = all.db.transaction(body, { signal: control.signal, backoffMs: 1e6 })
    const failed = done.catch((error: unknown) => error)
    while (all.env.waiting === 0) await Promise.resolve()
    control.abort(reason)
    expect(await failed).toBe(reason)
    expect(runs()).toBe(1)
    expect(all.env.waiting).toBe(0)
    await all.env.until(all.db.close())
  })

  test('comes too late for a commit that is on its way', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const all = await opened(new TestEnvironment({ seed: 1 }), faulty.fs as never)
    const control = new AbortController()
    faulty.inject(({ path }) => {
      if (path.startsWith('wal/')) control.abort(reason)
      return undefined
    })
    const done = all.db.transaction((tx) => void tx.put(all.people, row(7)), { signal: control.signal })
    await all.env.until(done)
    expect(control.signal.aborted).toBe(true)
    expect(await all.env.until(all.people.get(ada))).toMatchObject({ age: 7 })
    await all.env.until(all.db.close())
  })
})

describe('durability', () => {
  test('durable is what survives a crash; buffered resolves before', async () => {
    for (const durability of ['durable', 'buffered'] as const) {
      const memory = new MemoryFs()
      const all = await opened(new TestEnvironment({ seed: 1 }), memory as never)
      await all.env.until(all.db.transaction((tx) => void tx.put(all.people, row(7)), { durability }))
      expect(await all.env.until(all.people.count())).toBe(1)
      const left = memory.crash('drop', () => 0)
      const again = await opened(new TestEnvironment({ seed: 2 }), left as never)
      expect(await again.env.until(again.people.count())).toBe(durability === 'durable' ? 1 : 0)
      await again.env.until(again.db.close())
    }
  })
})
