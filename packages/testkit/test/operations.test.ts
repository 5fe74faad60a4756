import { keyColumns } from '@meru/core'
import { describe, expect, test } from 'vitest'
import {
  DEFAULT_WEIGHTS,
  isWrite,
  KeyOrder,
  ModelSession,
  Random,
  randomOperations,
  showOperations,
  showValue,
  shrink,
  TEST_TABLES,
  WITHOUT_TRANSACTIONS,
  writesOf,
  type DatabaseOperation,
  type OperationKind,
  type Row,
} from '../src/index.ts'

test('the test tables have every kind of column, and keys of all lengths', () => {
  const kinds = new Set(TEST_TABLES.flatMap(({ schema }) => schema.columns.map(({ type }) => type.kind)))
  expect([...kinds].toSorted()).toEqual([
    'binary',
    'boolean',
    'date',
    'decimal',
    'double',
    'fixed',
    'float',
    'int',
    'list',
    'long',
    'map',
    'string',
    'struct',
    'time',
    'timestamp',
    'timestamp_ns',
    'timestamptz',
    'timestamptz_ns',
    'uuid',
  ])
  expect(TEST_TABLES.map(({ schema }) => keyColumns(schema).length)).toEqual([2, 1, 3, 1])
})

describe('random operations', () => {
  test('are the same for the same seed, and others for another', () => {
    const script = (seed: number): string => showOperations(randomOperations(new Random(seed), 200))
    expect(script(5)).toBe(script(5))
    expect(script(5)).not.toBe(script(6))
  })

  test('are about the tables that are given', () => {
    const given = TEST_TABLES.slice(1, 3)
    const operations = randomOperations(new Random(7), 500, {}, given)
    const named = new Set(operations.flatMap((each) => ('table' in each ? [each.table] : [])))
    expect([...named].toSorted()).toEqual(given.map(({ name }) => name).toSorted())
  })

  test('come in every kind, as often as their weights say', () => {
    const counts = new Map<OperationKind, number>()
    const weights = { ...DEFAULT_WEIGHTS, alter: 1 }
    const operations = randomOperations(new Random(1), 10_000, weights)
    for (const { do: kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
    const kinds = Object.keys(DEFAULT_WEIGHTS) as OperationKind[]
    expect([...counts.keys()].toSorted()).toEqual(kinds.toSorted())
    const total = kinds.reduce((sum, kind) => sum + weights[kind], 0)
    const expected = (DEFAULT_WEIGHTS.put / total) * operations.length
    expect(Math.abs((counts.get('put') ?? 0) - expected)).toBeLessThan(expected / 10)
    const quiet = randomOperations(new Random(1), 2000, { crash: 0, reopen: 0 })
    expect(quiet.some(({ do: kind }) => kind === 'crash' || kind === 'reopen')).toBe(false)
  })

  test('write the same keys over and over, and mostly read keys that are there', () => {
    const session = new ModelSession()
    let [present, absent] = [0, 0]
    for (const operation of randomOperations(new Random(2), 3000, { crash: 0 })) {
      const answer = session.apply(operation)
      if (operation.do !== 'has') continue
      if (answer === true) present++
      else absent++
    }
    for (const { name } of TEST_TABLES) {
      const rows = session.model.scan(name).length
      expect(rows).toBeGreaterThan(3)
      expect(rows).toBeLessThan(300)
    }
    expect(Math.min(present, absent)).toBeGreaterThan(10)
  })

  test('use a snapshot only while it is open', () => {
    const open = new Set<number>()
    const wrong: string[] = []
    let uses = 0
    for (const operation of randomOperations(new Random(3), 5000)) {
      if (operation.do === 'crash' || operation.do === 'reopen') open.clear()
      else if (operation.do === 'openSnapshot') {
        if (open.has(operation.snapshot)) wrong.push(showValue(operation))
        open.add(operation.snapshot)
      } else if ('snapshot' in operation && operation.snapshot !== undefined) {
        uses++
        if (!open.has(operation.snapshot)) wrong.push(showValue(operation))
        if (operation.do === 'closeSnapshot') open.delete(operation.snapshot)
      }
    }
    expect(wrong).toEqual([])
    expect(uses).toBeGreaterThan(100)
  })
})

describe('a session', () => {
  const row = (sku: string, count: number): Row => ({
    sku,
    count,
    price: 0,
    hash: new Uint8Array(4),
    day: null,
  })
  const put = (
    sku: string,
    count: number,
    durability: 'durable' | 'buffered' = 'durable',
  ): DatabaseOperation => ({
    do: 'put',
    table: 'items',
    row: row(sku, count),
    durability,
  })

  test('answers reads from the newest state or from a snapshot', () => {
    const session = new ModelSession()
    const all = { do: 'scan', table: 'items', range: {}, reverse: false } as const
    session.apply(put('a', 1))
    session.apply({ do: 'openSnapshot', snapshot: 7 })
    session.apply(put('a', 2))
    session.apply({ do: 'deleteMany', table: 'items', keys: ['b', 'a'], durability: 'durable' })
    session.apply({ do: 'putMany', table: 'items', rows: [row('c', 1), row('c', 2)], durability: 'durable' })
    expect(session.apply(all)).toEqual([row('c', 2)])
    expect(session.apply({ ...all, snapshot: 7 })).toEqual([row('a', 1)])
    expect(session.apply({ do: 'get', table: 'items', key: 'a', snapshot: 7, select: ['count'] })).toEqual({
      count: 1,
    })
    expect(session.apply({ do: 'getMany', table: 'items', keys: ['c', 'a'] })).toEqual([
      row('c', 2),
      undefined,
    ])
    expect(session.apply({ do: 'has', table: 'items', key: 'a' })).toBe(false)
    expect(session.apply({ do: 'count', table: 'items', range: { gte: 'c' } })).toBe(1)
    expect(session.isOpen(7)).toBe(true)
    session.apply({ do: 'closeSnapshot', snapshot: 7 })
    expect(session.isOpen(7)).toBe(false)
  })

  test('after a crash takes any state from the last durable write on, and no other', () => {
    const session = new ModelSession()
    session.apply(put('a', 1))
    session.apply(put('a', 2, 'buffered'))
    session.apply(put('b', 3, 'buffered'))
    session.apply({ do: 'crash', mode: 'drop', seed: 1 })
    expect(session.durable).toBe(1)
    const found = (...rows: Row[]): Map<string, Row[]> => new Map([['items', rows]])
    expect(() => session.recover(found())).toThrow(
      /no version from 1 \(durable\) to 3 \(written\)\s+nearest is 1/,
    )
    expect(() => session.recover(found(row('a', 1), row('b', 3)))).toThrow('items ["b"]')
    expect(session.recover(found(row('a', 2)))).toBe(2)
    expect([session.model.version, session.durable]).toEqual([2, 2])
    session.apply(put('c', 1, 'buffered'))
    session.apply({ do: 'reopen' })
    expect(session.durable).toBe(3)
  })
})

/** A database in a map, with a bug: a deletion of an empty text as key is forgotten. */
class BuggyItems {
  readonly #order = new KeyOrder(TEST_TABLES[1])
  readonly #rows = new Map<string, Row>()

  apply(operation: DatabaseOperation): unknown {
    if (isWrite(operation)) {
      for (const write of writesOf(operation)) {
        if (write.table !== 'items') continue
        const key = write.kind === 'put' ? this.#order.valuesOf(write.row) : this.#order.partsOf(write.key)
        if (write.kind === 'put') this.#rows.set(showValue(key), { day: null, ...write.row })
        else if (key[0] !== '') this.#rows.delete(showValue(key))
      }
      return undefined
    }
    if (operation.do !== 'has' || operation.table !== 'items') return undefined
    return this.#rows.has(showValue(this.#order.partsOf(operation.key)))
  }
}

test('a planted bug is found by random operations and shrunk to the few that matter', async () => {
  const fails = async (script: readonly DatabaseOperation[]): Promise<boolean> => {
    const [session, database] = [new ModelSession(), new BuggyItems()]
    for (const operation of script) {
      const [expected, found] = [session.apply(operation), database.apply(operation)]
      if (operation.do === 'has' && operation.table === 'items' && expected !== found) return true
    }
    return false
  }
  const weights = { ...WITHOUT_TRANSACTIONS, crash: 0, openSnapshot: 0 }
  const scripts = Array.from({ length: 60 }, (_, i) => randomOperations(new Random(i), 400, weights))
  const failing: (readonly DatabaseOperation[])[] = []
  for (const script of scripts) if (await fails(script)) failing.push(script)
  expect(failing.length).toBeGreaterThan(0)
  const shrunk = await shrink(failing[0], fails)
  expect(await fails(shrunk)).toBe(true)
  expect(shrunk.map((operation) => operation.do)).toHaveLength(3)
  expect(shrunk.at(-1)).toEqual({ do: 'has', table: 'items', key: '' })
})

test('shrinking leaves what fails alone', async () => {
  const fails = async (script: readonly number[]): Promise<boolean> =>
    script.includes(3) && script.includes(77)
  expect(
    await shrink(
      Array.from({ length: 100 }, (_, i) => i),
      fails,
    ),
  ).toEqual([3, 77])
  expect(await shrink([3, 77], fails)).toEqual([3, 77])
  // The 2 can go only once the 5 has gone, which comes later in the script.
  const needs = async (script: readonly number[]): Promise<boolean> =>
    script.includes(9) && (!script.includes(5) || script.includes(2))
  expect(await shrink([2, 5, 9], needs)).toEqual([9])
  const tries: number[] = []
  await shrink(
    Array.from({ length: 100 }, (_, i) => i),
    async () => (tries.push(1), false),
    10,
  )
  expect(tries).toHaveLength(10)
})

test('rows of operations are rows of their tables', () => {
  const wrong: string[] = []
  for (const operation of randomOperations(new Random(4), 2000)) {
    if (operation.do !== 'put') continue
    const definition = TEST_TABLES.find(({ name }) => name === operation.table)
    const columns = definition?.schema.columns ?? []
    const isKnown = Object.keys(operation.row).every((name) => columns.some((column) => column.name === name))
    const isWhole = columns.every(({ name, required }) => !required || operation.row[name] != null)
    if (!isKnown || !isWhole) wrong.push(showValue(operation))
  }
  expect(wrong).toEqual([])
})
