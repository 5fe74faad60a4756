import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import type { Database, Table, Transaction } from '../src/index.ts'
import { events, type Happening, openMemory, users, type User } from './fixture.ts'

type Users = Table<
  User,
  { tenant: string; id: number; name: string; age?: number | null },
  { tenant: string; id: number }
>
type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

interface Opened {
  readonly db: Database
  readonly people: Users
  readonly log: Events
}

async function opened(settings = {}): Promise<Opened> {
  const db = await openMemory(new MemoryFs(), { settings })
  return { db, people: (await db.table(users)) as never, log: (await db.table(events)) as never }
}

const ada = { tenant: 'a', id: 1 }
const row = (
  id: number,
  age: number | null = null,
): { tenant: string; id: number; name: string; age: number | null } => {
  return { tenant: 'a', id, name: `n${id}`, age }
}

/** How whatever was written since the snapshot may have moved before the commit. */
const MOVES: readonly (readonly [string, (opened: Opened) => Promise<void>])[] = [
  ['stayed in memory', async () => undefined],
  ['was flushed', async ({ people }) => people.flush()],
  ['was compacted', async ({ people }) => people.compact()],
]

/** Runs `body` in a transaction, and `meanwhile` between what it did and the commit. */
function withMeanwhile(
  { db }: Opened,
  body: (tx: Transaction) => Promise<unknown>,
  meanwhile: () => Promise<unknown>,
  options = {},
): Promise<unknown> {
  return db.transaction(
    async (tx) => {
      const result = await body(tx)
      await meanwhile()
      return result
    },
    { retries: 0, ...options },
  )
}

describe('a transaction', () => {
  test('commits over all tables, and resolves with what the function returned', async () => {
    const { db, people, log } = await opened()
    await people.put(row(1, 30))
    const age = await db.transaction(async (tx) => {
      const found = await tx.get(people, ada)
      tx.put(people, row(1, (found?.age ?? 0) + 1)).put(log, { at: 1n, what: 'birthday' })
      expect(await people.get(ada)).toMatchObject({ age: 30 })
      expect(await log.count()).toBe(0)
      return found?.age
    })
    expect(age).toBe(30)
    expect(await people.get(ada)).toMatchObject({ age: 31 })
    expect(await log.get(1n)).toEqual({ at: 1n, what: 'birthday' })
    expect(db.stats().counters).toMatchObject({ transactions: 1, conflicts: 0 })
    await db.close()
  })

  test('writes nothing if the function throws', async () => {
    const { db, people } = await opened()
    const failing = db.transaction((tx) => {
      tx.put(people, row(1))
      throw new RangeError('no')
    })
    await expect(failing).rejects.toThrow(RangeError)
    expect(await people.count()).toBe(0)
    expect(db.stats()).toMatchObject({ pinnedVersions: 0, conflictHistory: { holders: 0 } })
    await db.close()
  })

  test('puts no row of several if one does not fit', async () => {
    const { db, people } = await opened()
    await db.transaction(async (tx) => {
      expect(() => tx.putMany(people, [row(1), { ...row(2), id: 'x' as never }])).toThrow('"id"')
      expect(await tx.count(people)).toBe(0)
    })
    expect(await people.count()).toBe(0)
    await db.close()
  })

  test('sees its own writes in every read, merged in key order', async () => {
    const { db, people } = await opened()
    await people.putMany([row(1), row(3), row(5), row(7)])
    await people.flush()
    await people.put(row(4))
    await db.transaction(async (tx) => {
      tx.putMany(people, [row(2, 2), row(5, 55)]).delete(people, { tenant: 'a', id: 3 })
      const ids = async (query: object): Promise<number[]> =>
        (await tx.scan(people, query as never).toArray()).map(({ id }: { id: number }) => id)
      expect(await ids({})).toEqual([1, 2, 4, 5, 7])
      expect(await ids({ reverse: true, limit: 3 })).toEqual([7, 5, 4])
      expect(await ids({ gt: { tenant: 'a', id: 1 }, lte: { tenant: 'a', id: 4 } })).toEqual([2, 4])
      expect(await tx.scan(people, { select: ['age'], gte: { tenant: 'a', id: 4 } }).toArray()).toEqual([
        { age: null },
        { age: 55 },
        { age: null },
      ])
      expect(await tx.scan(people).first()).toEqual({ ...row(1), score: null })
      expect(await tx.count(people)).toBe(5)
      expect(await tx.count(people, { prefix: { tenant: 'b' } })).toBe(0)
      expect(await tx.has(people, { tenant: 'a', id: 3 })).toBe(false)
      expect(await tx.has(people, { tenant: 'a', id: 2 })).toBe(true)
      expect(await tx.getMany(people, [ada, { tenant: 'a', id: 3 }], { select: ['id'] })).toEqual([
        { id: 1 },
        undefined,
      ])
      tx.put(people, row(3, 33))
      expect(await tx.get(people, { tenant: 'a', id: 3 }, { select: ['age'] })).toEqual({ age: 33 })
    })
    expect((await people.scan().toArray()).map(({ id, age }) => [id, age])).toEqual([
      [1, null],
      [2, 2],
      [3, 33],
      [4, null],
      [5, 55],
      [7, null],
    ])
    await db.close()
  })

  test('a scan sees the own writes of its beginning', async () => {
    const { db, people } = await opened()
    await people.putMany([row(1), row(2)])
    await db.transaction(async (tx) => {
      for await (const { id } of tx.scan(people)) tx.put(people, row(id + 10))
      expect(await tx.count(people)).toBe(4)
    })
    expect(await people.count()).toBe(4)
    await db.close()
  })

  test('of many writes is read and committed whole', async () => {
    const { db, people } = await opened()
    const all = Array.from({ length: 1500 }, (_, id) => ({ ...row(id), name: 'x'.repeat(40) }))
    await db.transaction(async (tx) => {
      tx.putMany(people, all)
      expect(await tx.count(people)).toBe(1500)
      for (const { tenant, id } of all.slice(0, 1000)) tx.delete(people, { tenant, id })
      expect(await tx.count(people)).toBe(500)
    })
    expect(await people.count()).toBe(500)
    await db.close()
  })

  test('is over when its function is', async () => {
    const { db, people } = await opened()
    await people.put(row(1))
    const kept = await db.transaction((tx) => ({ tx, scan: tx.scan(people) }))
    await expect(kept.tx.get(people, ada)).rejects.toThrow(TypeError)
    expect(() => kept.tx.put(people, row(2))).toThrow('is over')
    await expect(kept.scan.toArray()).rejects.toThrow('is over')
    await db.close()
  })

  test('refuses what it cannot do', async () => {
    const { db, people } = await opened()
    const other = await opened()
    using snapshot = db.snapshot()
    await expect(db.transaction(undefined as never)).rejects.toThrow(TypeError)
    await expect(db.transaction(() => 1, { retry: 1 } as never)).rejects.toThrow('no option "retry"')
    await expect(db.transaction(() => 1, { retries: -1 })).rejects.toThrow('retries is -1')
    await expect(db.transaction(() => 1, { backoffMs: Number.NaN })).rejects.toThrow('backoffMs is NaN')
    await expect(db.transaction(() => 1, { isolation: 'none' as never })).rejects.toThrow(
      'isolation is "none"',
    )
    const run = (body: (tx: Transaction) => unknown): Promise<unknown> => db.transaction(body)
    await expect(run((tx) => tx.put(other.people, row(1)))).rejects.toThrow('not a table of the database')
    await expect(run((tx) => tx.get(people, ada, { snapshot } as never))).rejects.toThrow('its own moment')
    await expect(run((tx) => tx.scan(people, { lmit: 1 } as never).first())).rejects.toThrow(
      'no option "lmit"',
    )
    await db.close()
    await expect(db.transaction(() => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    await other.db.close()
  })

  test('that meets the end of the database commits nothing', async () => {
    const { db, people } = await opened()
    const late = db.transaction(async (tx) => {
      tx.put(people, row(1))
      await db.close()
    })
    await expect(late).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('to a table that was dropped meanwhile commits nothing', async () => {
    const all = await opened()
    const late = withMeanwhile(
      all,
      async (tx) => tx.put(all.log, { at: 1n }).put(all.people, row(1)),
      () => all.db.dropTable('users', { confirm: 'users' }),
    )
    await expect(late).rejects.toMatchObject({ code: 'INVALID' })
    expect(await all.log.count()).toBe(0)
    await all.db.close()
  })
})

describe.each(MOVES)('isolation, when what was written meanwhile %s', (_, move) => {
  const meanwhile = (all: Opened, write: () => Promise<unknown>) => async (): Promise<void> => {
    await write()
    await move(all)
  }

  test('no update is lost', async () => {
    for (const isolation of ['serializable', 'snapshot']) {
      const all = await opened()
      const { db, people } = all
      await people.put(row(1, 10))
      await move(all)
      const lost = withMeanwhile(
        all,
        async (tx) => tx.put(people, row(1, ((await tx.get(people, ada))?.age ?? 0) + 1)),
        meanwhile(all, () => people.put(row(1, 100))),
        { isolation },
      )
      const conflict: unknown = await lost.catch((error: unknown) => error)
      const version = (await people.getWithVersion(ada))?.version
      expect(conflict).toMatchObject({
        name: 'ConflictError',
        code: 'CONFLICT',
        table: 'users',
        key: ada,
        version,
      })
      expect(String(conflict)).toContain('table "users", key { tenant: "a", id: 1 }')
      expect(await people.get(ada)).toMatchObject({ age: 100 })
      expect(db.stats()).toMatchObject({ pinnedVersions: 0, conflictHistory: { holders: 0, bytes: 0 } })
      await db.close()
    }
  })

  test('a key that was deleted meanwhile conflicts', async () => {
    const all = await opened()
    await all.people.put(row(1, 10))
    await move(all)
    const late = withMeanwhile(
      all,
      async (tx) => tx.put(all.people, row(1, 11)),
      meanwhile(all, () => all.people.delete(ada)),
    )
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT', key: ada, version: undefined })
    expect(await all.people.count()).toBe(0)
    await all.db.close()
  })

  test('a key that was absent, and is put and deleted meanwhile, conflicts', async () => {
    const all = await opened()
    const late = withMeanwhile(
      all,
      async (tx) => tx.put(all.people, row(1, 11)),
      meanwhile(all, async () => {
        await all.people.put(row(1))
        await move(all)
        await all.people.delete(ada)
      }),
    )
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT', key: ada })
    await all.db.close()
  })

  /** Two doctors are on call; each may leave if the other one stays. */
  async function skewed(isolation: string): Promise<{ outcome: unknown; onCall: number }> {
    const all = await opened()
    const { people } = all
    await people.putMany([row(1, 1), row(2, 1)])
    await move(all)
    const leave =
      (id: number) =>
      async (tx: Transaction): Promise<void> => {
        const other = await tx.get(people, { tenant: 'a', id: 3 - id })
        if (other?.age === 1) tx.put(people, row(id, 0))
      }
    const rival = meanwhile(all, () => all.db.transaction(leave(2)))
    const outcome = await withMeanwhile(all, leave(1), rival, { isolation }).catch((error: unknown) => error)
    const onCall = (await people.scan().toArray()).filter(({ age }) => age === 1).length
    await all.db.close()
    return { outcome, onCall }
  }

  test('write skew is refused when serializable, and happens under snapshot isolation', async () => {
    expect(await skewed('serializable')).toMatchObject({
      outcome: { code: 'CONFLICT', key: { id: 2 } },
      onCall: 1,
    })
    expect(await skewed('snapshot')).toEqual({ outcome: undefined, onCall: 0 })
  })

  test('phantoms are refused: a row that comes into, changes in, or goes from a range that was read', async () => {
    const changes: readonly ((people: Users) => Promise<unknown>)[] = [
      (people) => people.put(row(3)),
      (people) => people.put(row(2, 9)),
      (people) => people.delete({ tenant: 'a', id: 2 }),
    ]
    const range = { gte: { tenant: 'a', id: 2 }, lt: { tenant: 'a', id: 5 } }
    const reads: readonly ((tx: Transaction, people: Users) => Promise<unknown>)[] = [
      (tx, people) => tx.count(people, range),
      (tx, people) => tx.scan(people, { ...range, select: ['name'] }).toArray(),
      (tx, people) => tx.scan(people, { ...range, reverse: true }).count(),
    ]
    for (const change of changes) {
      for (const read of reads) {
        const all = await opened()
        const { people, log } = all
        await people.putMany([row(1), row(2), row(9)])
        const late = withMeanwhile(
          all,
          async (tx) => tx.put(log, { at: 1n, what: String(await read(tx, people)) }),
          meanwhile(all, () => change(people)),
        )
        await expect(late).rejects.toMatchObject({ code: 'CONFLICT', table: 'users' })
        expect(await log.count()).toBe(0)
        await all.db.close()
      }
    }
  })

  test('a bulk load conflicts with what wrote to or read its table, and with nothing else', async () => {
    for (const isLoaded of [true, false]) {
      const all = await opened()
      const { people, log } = all
      const late = withMeanwhile(
        all,
        async (tx) => tx.put(log, { at: BigInt(await tx.count(people)) }),
        meanwhile(all, () => (isLoaded ? people.ingest([row(5)]) : all.db.batch(() => undefined))),
      )
      const outcome = await late.then(
        () => 'committed',
        (error: unknown) => (error as { code: string }).code,
      )
      expect(outcome).toBe(isLoaded ? 'CONFLICT' : 'committed')
      await all.db.close()
    }
  })

  test('the last row of a scan with a limit matters, in both directions', async () => {
    for (const [query, id] of [
      [{ limit: 2 }, 2],
      [{ limit: 2, reverse: true }, 8],
    ] as const) {
      const all = await opened()
      const { people, log } = all
      await people.putMany([row(1), row(2), row(8), row(9)])
      const late = withMeanwhile(
        all,
        async (tx) => tx.put(log, { at: BigInt((await tx.scan(people, query).toArray()).length) }),
        meanwhile(all, () => people.put(row(id, 7))),
      )
      await expect(late).rejects.toMatchObject({ code: 'CONFLICT', key: { id } })
      await all.db.close()
    }
  })

  test('what it did not look at does not matter', async () => {
    const all = await opened()
    const { people, log } = all
    await people.putMany([row(1), row(3), row(5), row(7)])
    await withMeanwhile(
      all,
      async (tx) => {
        expect(await tx.scan(people).first()).toMatchObject({ id: 1 })
        expect(await tx.scan(people, { gte: { tenant: 'a', id: 1 }, limit: 2 }).toArray()).toHaveLength(2)
        expect(await tx.scan(people, { reverse: true, limit: 1 }).toArray()).toHaveLength(1)
        expect(await tx.scan(people, { gt: { tenant: 'b' } }).toArray()).toEqual([])
        tx.put(people, row(6)).put(log, { at: 1n })
        // The answer came from its own write.
        expect(await tx.has(people, { tenant: 'a', id: 6 })).toBe(true)
      },
      meanwhile(all, async () => {
        await people.put(row(5, 5))
        await people.put(row(4))
      }),
      {},
    )
    expect(await log.count()).toBe(1)
    await all.db.close()
  })

  test('a transaction that only reads never conflicts, and sees one moment', async () => {
    const all = await opened()
    const { people } = all
    await people.putMany([row(1), row(2)])
    const counts = await withMeanwhile(
      all,
      async (tx) => {
        const before = await tx.count(people)
        await people.delete(ada)
        await move(all)
        return [before, await tx.count(people), await tx.get(people, ada)]
      },
      meanwhile(all, () => people.put(row(2, 5))),
    )
    expect(counts).toMatchObject([2, 2, row(1)])
    await all.db.close()
  })
})
