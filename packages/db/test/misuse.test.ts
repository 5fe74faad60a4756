import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Database,
  type MeruError,
  open,
  openTable,
  t,
  table,
  type Table,
  type TableDefinition,
} from '../src/index.ts'
import { openMemory, users } from './fixture.ts'

type Values = Record<string, unknown>

/** A column of every type. */
const all: TableDefinition<'all', Values, Values, number> = table(
  'all',
  {
    id: t.int(),
    boolean: t.boolean(),
    long: t.long(),
    small: t.long({ mode: 'number' }),
    float: t.float(),
    double: t.double(),
    decimal: t.decimal(6, 2),
    date: t.date(),
    time: t.time(),
    timestamp: t.timestamp(),
    micros: t.timestamptz({ mode: 'bigint' }),
    nanos: t.timestampNs(),
    string: t.string(),
    uuid: t.uuid(),
    fixed: t.fixed(2),
    binary: t.binary(),
    maybe: t.string().nullable(),
  },
  { key: ['id'] },
) as never

const right: Values = {
  id: 1,
  boolean: true,
  long: 1n,
  small: 1,
  float: 1,
  double: 1,
  decimal: '1.50',
  date: '2026-01-01',
  time: 1,
  timestamp: new Date(0),
  micros: 1n,
  nanos: 1n,
  string: 'x',
  uuid: '00000000-0000-4000-8000-000000000000',
  fixed: Uint8Array.of(1, 2),
  binary: Uint8Array.of(1),
}

/** By column: values that it must refuse. Every column refuses null and undefined but `maybe`. */
const WRONG: Record<string, readonly unknown[]> = {
  id: ['1', 1n, 1.5, 2 ** 31, Number.NaN, true, null, undefined],
  boolean: [1, 'true', null, undefined],
  long: [1, '1', 2n ** 63n, -(2n ** 63n) - 1n, null, undefined],
  small: [1n, 2 ** 53, 1.5, null],
  float: ['1', 1n, null],
  double: ['1', 1n, null, undefined],
  decimal: [1.5, '1.505', '99999.99', 'x', '1e2', '', null],
  date: ['2026-02-30', '01.02.2026', new Date(0), 1, null],
  time: [-1, 86_400_000_000, 1.5, '12:00', null],
  timestamp: [new Date(Number.NaN), 0, '2026-01-01', null],
  micros: [1, new Date(0), 2n ** 63n, null],
  nanos: [1, new Date(0), 2n ** 63n, null],
  string: [1, new Date(0), '\uD800', null, undefined],
  uuid: ['00000000', '00000000-0000-4000-8000-00000000000g', 1, null],
  fixed: [Uint8Array.of(1), Uint8Array.of(1, 2, 3), [1, 2], 'ab', null],
  binary: [[1], 'ab', new ArrayBuffer(2), null],
  maybe: [1, true, '\uDC00'],
}

let db: Database
let into: Table<Values, Values, number>

beforeAll(async () => {
  db = await openMemory(new MemoryFs())
  into = await db.table(all)
  await into.put(right)
})
afterAll(() => db.close())

/** What a call fails with; a call that does not fail, or that writes something, fails the test. */
async function failureOf(call: () => unknown): Promise<Partial<MeruError> & Error> {
  let failure: unknown
  let answer: unknown
  try {
    answer = await call()
  } catch (error) {
    failure = error
  }
  expect(failure, `it gave ${String(answer)}`).toBeInstanceOf(Error)
  expect([await into.count(), db.stats().visibleSeqno]).toEqual([1, 1])
  return failure as Partial<MeruError> & Error
}

async function expectInvalid(call: () => unknown, message: RegExp): Promise<void> {
  const failure = await failureOf(call)
  expect([failure.code, failure.message]).toEqual(['INVALID', expect.stringMatching(message)])
}

async function expectMisuse(call: () => unknown, message: RegExp): Promise<void> {
  const failure = await failureOf(call)
  expect([failure.name, failure.message]).toEqual(['TypeError', expect.stringMatching(message)])
}

const loosely = (value: unknown): never => value as never

describe('a row that does not fit', () => {
  test.each(Object.keys(WRONG))('is INVALID and names the column: %s', async (column) => {
    for (const value of WRONG[column]) {
      const row = { ...right, id: 2, [column]: value }
      const message = new RegExp(`table "all", column "${column}"`)
      await expectInvalid(() => into.put(row), message)
      await expectInvalid(() => into.put(row, { durability: 'buffered' }), message)
      await expectInvalid(() => into.putMany([{ ...right, id: 3 }, row]), message)
      await expectInvalid(
        () => db.batch((batch) => batch.put(into, { ...right, id: 3 }).put(into, row)),
        message,
      )
    }
  })

  test.each([
    ['a missing column', () => ({ ...right, string: undefined }), /column "string"/],
    ['a column that there is not', () => ({ ...right, extra: 1 }), /extra/],
    ['null', () => null, /table "all"/],
    ['an array', () => [1], /table "all"/],
    ['a text', () => 'row', /table "all"/],
  ])('%s', async (_, row, message) => {
    await expectInvalid(() => into.put(loosely(row())), message)
  })

  test('a key that is too long', async () => {
    const texts = await db.table(table('texts', { key: t.string() }, { key: ['key'] }))
    await expectInvalid(() => texts.put({ key: 'x'.repeat(70_000) }), /table "texts".*bytes/)
    expect(await texts.count()).toBe(0)
  })
})

describe('a key that does not fit', () => {
  test.each([
    ['a text', '1'],
    ['a bigint', 1n],
    ['null', null],
    ['undefined', undefined],
    ['a fraction', 1.5],
    ['an object', {}],
    ['an array', [1]],
  ])('%s', async (_, key) => {
    const wrong = loosely(key)
    for (const call of [
      () => into.get(wrong),
      () => into.getSync(wrong),
      () => into.getMany([1, wrong]),
      () => into.has(wrong),
      () => into.delete(wrong),
      () => into.delete(wrong, { durability: 'buffered' }),
      () => into.deleteMany([1, wrong]),
      () => db.batch((batch) => batch.delete(into, wrong)),
    ]) {
      await expectInvalid(call, /table "all"/)
    }
  })

  test('part of a composite key, or more than it', async () => {
    const composite = await db.table(users)
    await expectInvalid(() => composite.get(loosely({ tenant: 'a' })), /column "id"/)
    await expectInvalid(() => composite.get(loosely('a')), /table "users"/)
    await expectInvalid(() => composite.delete(loosely({ tenant: 'a', id: 1, other: 2 })), /other/)
  })
})

describe('wrong arguments are a TypeError', () => {
  test.each([
    [
      'put: durability',
      () => into.put(right, loosely({ durability: 'sync' })),
      /"sync".*"durable" or "buffered"/,
    ],
    ['delete: durability', () => into.delete(1, loosely({ durability: 1 })), /durability is "1"/],
    ['putMany: durability', () => into.putMany([right], loosely({ durability: 'x' })), /durability/],
    ['deleteMany: durability', () => into.deleteMany([1], loosely({ durability: 'x' })), /durability/],
    [
      'batch: durability',
      () => db.batch((batch) => batch.delete(into, 1), loosely({ durability: 'x' })),
      /durability/,
    ],
    ['putMany: no rows', () => into.putMany(loosely(5)), /iterable/],
    ['deleteMany: no keys', () => into.deleteMany(loosely(undefined)), /iterable/],
    ['batch: no function', () => db.batch(loosely(undefined)), /function/],
    ['batch: a function that waits', () => db.batch(loosely(() => Promise.resolve())), /at once/],
    ['scan: an unknown option', () => into.scan(loosely({ after: 1 })), /"after".*gt, gte/],
    ['scan: a negative limit', () => into.scan({ limit: -1 }), /limit is -1/],
    ['scan: half a row', () => into.scan({ limit: 1.5 }), /limit is 1.5/],
    ['scan: no column', () => into.scan(loosely({ select: ['nothing'] })), /nothing/],
    ['scan: a column twice', () => into.scan({ select: ['id', 'id'] }), /twice/],
    ['count: an unknown option', () => into.count(loosely({ from: 1 })), /"from"/],
    ['get: no column', () => into.get(1, loosely({ select: ['nothing'] })), /nothing/],
    ['getSync: no column', () => into.getSync(1, loosely({ select: ['nothing'] })), /nothing/],
    ['getMany: no column', () => into.getMany([1], loosely({ select: ['nothing'] })), /nothing/],
    ['getMany: no keys', () => into.getMany(loosely(undefined)), /iterable/],
    [
      'batch column: not selected',
      () => firstBatch(['id']).then((batch) => batch.column('text')),
      /"text" was not selected/,
    ],
    ['dropTable: without confirm', () => db.dropTable('all', loosely(undefined)), /confirm: "all"/],
    ['dropTable: another name', () => db.dropTable('all', { confirm: 'users' }), /confirm: "all"/],
    ['table: nothing', () => db.table(loosely(undefined)), /./],
  ])('%s', async (_, call, message) => {
    await expectMisuse(call, message)
  })

  async function firstBatch(select: readonly string[]): Promise<{ column: (name: string) => unknown }> {
    const first = await into.scan({ select }).batches().next()
    return first.value as never
  }

  test('a batch that is used after it was handed in', async () => {
    let kept: { put: (into: never, row: never) => unknown } | undefined
    await db.batch((batch) => void (kept = batch))
    await expectMisuse(() => kept?.put(loosely(into), loosely(right)), /handed in/)
  })

  test('a table of another database in a batch', async () => {
    const other = await openMemory(new MemoryFs())
    const foreign = await other.table(all)
    await expectMisuse(
      () => db.batch((batch) => batch.put(foreign, { ...right, id: 2 })),
      /"all".*not a table of the database/,
    )
    expect(await foreign.count()).toBe(0)
    await other.close()
  })

  test('what fill throws, and nothing is written', async () => {
    const failure = await failureOf(() =>
      db.batch((batch) => {
        batch.put(into, { ...right, id: 2 }).delete(into, 1)
        throw new RangeError('no')
      }),
    )
    expect(failure).toMatchObject({ name: 'RangeError', message: 'no' })
  })
})

describe('opening', () => {
  const components = (): { fs: MemoryFs; env: TestEnvironment } => ({
    fs: new MemoryFs(),
    env: new TestEnvironment(),
  })

  test.each([
    ['no path', () => open(loosely(undefined)), /path of a directory/],
    ['an empty path', () => open(''), /path of a directory/],
    ['an unknown option', () => open('memory', loosely({ takover: true })), /"takover".*takeover/],
    [
      'an unknown component',
      () => open('memory', { components: { ...components(), disk: 1 } as never }),
      /"disk".*probe/,
    ],
    [
      'an unknown setting',
      () => open('memory', { settings: loosely({ memtable: 1 }), components: components() }),
      /memtable/,
    ],
    [
      'a wrong setting',
      () => open('memory', { settings: { memtableBytesMax: -1 }, components: components() }),
      /memtableBytesMax/,
    ],
    ['no settings', () => open('memory', { settings: loosely(5), components: components() }), /settings/],
    [
      'openTable without a table',
      () => openTable('memory', loosely(undefined), { components: components() }),
      /./,
    ],
  ])('with %s is a TypeError', async (_, call, message) => {
    await expectMisuse(call, message)
  })

  test('a failed opening leaves nothing locked', async () => {
    const parts = components()
    const other = table('all', { id: t.long() }, { key: ['id'] })
    await (await openTable('memory', all, { components: parts })).close()
    await expect(openTable('memory', other, { components: parts })).rejects.toMatchObject({ code: 'INVALID' })
    await (await open('memory', { components: parts })).close()
    expect(parts.fs.snapshotFiles().has('LOCK')).toBe(false)
  })
})

describe('a table that is stored with another schema', () => {
  const id = t.long({ mode: 'number' })
  test.each([
    [
      'a column less',
      { tenant: t.string(), id, name: t.string() },
      ['tenant', 'id'],
      /column "age".*stored but not declared/,
    ],
    [
      'a column more',
      { ...columnsOf(), city: t.string() },
      ['tenant', 'id'],
      /column "city".*declared but not stored/,
    ],
    [
      'another type',
      { ...columnsOf(), age: t.long().nullable() },
      ['tenant', 'id'],
      /column "age" is stored as int.*declared as long/,
    ],
    ['required instead of nullable', { ...columnsOf(), age: t.int() }, ['tenant', 'id'], /column "age"/],
    ['another key', columnsOf(), ['tenant'], /key/],
    ['the key in another order', columnsOf(), ['id', 'tenant'], /key/],
  ] as const)('%s', async (_, columns, key, message) => {
    await db.table(users)
    const declared = table('users', columns, { key: key as never })
    await expectInvalid(() => db.table(declared), message)
    await expectInvalid(() => db.table(declared), /table "users" is stored with another schema/)
  })

  function columnsOf(): Record<string, ReturnType<typeof t.string>> {
    const nullable = { age: t.int().nullable(), score: t.double().nullable() }
    return { tenant: t.string(), id, name: t.string(), ...nullable } as never
  }

  test('a name that differs in case only is another table that cannot be', async () => {
    await db.table(users)
    await expectInvalid(() => db.table(table('Users', { id: t.int() }, { key: ['id'] })), /users/i)
  })

  test('a table that there is not cannot be dropped', async () => {
    await expectInvalid(() => db.dropTable('none', { confirm: 'none' }), /no table "none"/)
    expect(await db.storedTable('none')).toBeUndefined()
  })
})
