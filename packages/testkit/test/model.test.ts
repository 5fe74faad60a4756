import { ByteWriter, RowCodec, type TableDefinition } from '@meru/core'
import { describe, expect, test } from 'vitest'
import {
  KeyOrder,
  Model,
  normalise,
  Random,
  RandomRows,
  rowsEqual,
  showValue,
  TEST_TABLES,
  valuesEqual,
  type Row,
  type Write,
} from '../src/index.ts'

const [events, items] = TEST_TABLES

const item = (sku: string, count: number): Row => ({
  sku,
  count,
  price: 1,
  hash: new Uint8Array(4),
  day: null,
})
const put = (sku: string, count: number): Write => ({ kind: 'put', table: 'items', row: item(sku, count) })
const remove = (sku: string): Write => ({ kind: 'delete', table: 'items', key: sku })
const skus = (rows: readonly Row[]): string =>
  rows.map((row) => `${showText(row['sku'])}${showText(row['count'])}`).join(' ')
const showText = (value: unknown): string => (typeof value === 'string' ? value : String(value))

describe('rows', () => {
  test('values are equal to the last bit', () => {
    const values = [
      null,
      false,
      true,
      0,
      -0,
      NaN,
      1,
      0n,
      1n,
      '',
      '0',
      Uint8Array.of(),
      Uint8Array.of(0),
      new Date(0),
    ]
    const copies = [...values.slice(0, 11), Uint8Array.of(), Uint8Array.of(0), new Date(0)]
    const wrong = values.flatMap((a, i) =>
      copies.filter((b, j) => valuesEqual(a, b) !== (i === j)).map((b) => showValue([a, b])),
    )
    expect(wrong).toEqual([])
  })

  test('rows are equal if all their columns are', () => {
    expect(rowsEqual({ a: 1, b: NaN }, { b: NaN, a: 1 })).toBe(true)
    expect(rowsEqual({ a: 1 }, { a: 1, b: null })).toBe(false)
    expect(rowsEqual({ a: 1, b: null }, { a: 1, c: null })).toBe(false)
    expect(rowsEqual({ a: 1 }, { a: 1n })).toBe(false)
    expect(rowsEqual(undefined, undefined)).toBe(true)
    expect(rowsEqual({ a: 1 }, undefined)).toBe(false)
    expect(
      rowsEqual(normalise(items, { sku: 'a', count: 1 }), {
        count: 1,
        sku: 'a',
        price: null,
        hash: null,
        day: null,
      }),
    ).toBe(true)
  })

  test('values print as the code that makes them', () => {
    const row = { a: 'é"', b: 1n, c: -0, d: NaN, e: Uint8Array.of(1, 2), f: new Date(5), g: [null, true] }
    expect(showValue(row)).toBe(
      '{ a: "é\\"", b: 1n, c: -0, d: NaN, e: Uint8Array.of(1, 2), f: new Date(5), g: [null, true] }',
    )
  })
})

describe('versions', () => {
  test('each batch is a version, and all of them can still be read', () => {
    const model = new Model(TEST_TABLES)
    expect(model.commit([put('b', 1), put('a', 1)])).toBe(1)
    expect(model.commit([put('a', 2), remove('b'), put('c', 2)])).toBe(2)
    expect(model.commit([remove('c'), put('c', 3), remove('a'), remove('none')])).toBe(3)
    expect([0, 1, 2, 3].map((version) => skus(model.scan('items', {}, version)))).toEqual([
      '',
      'a1 b1',
      'a2 c2',
      'c3',
    ])
    expect(model.get('items', 'a')).toBeUndefined()
    expect(model.get('items', 'a', 2)).toEqual(item('a', 2))
    expect(
      [...model.prefixes(2)].map(({ version, state }) => [version, skus(state.get('items') ?? [])]),
    ).toEqual([
      [2, 'a2 c2'],
      [3, 'c3'],
    ])
    model.rollBack(1)
    expect([model.version, skus(model.scan('items'))]).toEqual([1, 'a1 b1'])
    model.commit([put('a', 9)])
    expect(skus(model.scan('items', {}, 2))).toBe('a9 b1')
  })

  test('scans take ranges, directions, limits and selections', () => {
    const model = new Model(TEST_TABLES)
    model.commit(['a', 'ab', 'b', 'ba', 'c'].map((sku, i) => put(sku, i)))
    const scan = (shape: Parameters<Model['scan']>[1]): string => skus(model.scan('items', shape))
    expect(scan({ range: { gt: 'a', lte: 'ba' } })).toBe('ab1 b2 ba3')
    expect(scan({ range: { gte: 'ab', lt: 'ba' }, reverse: true })).toBe('b2 ab1')
    expect(scan({ range: { prefix: 'b' } })).toBe('b2 ba3')
    expect(scan({ reverse: true, limit: 2 })).toBe('c4 ba3')
    expect(scan({ limit: 0 })).toBe('')
    expect(scan({ range: { gt: 'b', lt: 'a' } })).toBe('')
    expect(model.scan('items', { select: ['count', 'sku'], limit: 1 })).toEqual([{ count: 0, sku: 'a' }])
    expect(() => model.scan('none')).toThrow('no table "none"')
  })

  test('a state is found again among the versions, the newest that fits', () => {
    const model = new Model(TEST_TABLES)
    model.commit([put('a', 1)])
    model.commit([put('b', 1)])
    model.commit([remove('b')])
    model.commit([put('c', 1)])
    const found = (...rows: Row[]): Map<string, Row[]> => new Map([['items', rows]])
    expect(model.prefixOf(found())).toBe(0)
    expect(model.prefixOf(found(item('a', 1)))).toBe(3)
    expect(model.prefixOf(found(item('a', 1)), 1)).toBe(3)
    expect(model.prefixOf(found(item('a', 1)), 4)).toBeUndefined()
    expect(model.prefixOf(found(item('a', 1), item('b', 1)))).toBe(2)
    expect(model.prefixOf(found(item('a', 2)))).toBeUndefined()
    expect(model.prefixOf(found(item('a', 1), item('a', 1)))).toBeUndefined()
    expect(
      model.prefixOf(new Map([...found(item('a', 1)), ['events', [{ tenant: 'x', id: 1n }]]])),
    ).toBeUndefined()
  })

  test('differences name the keys, and say when only the order is wrong', () => {
    const model = new Model(TEST_TABLES)
    model.commit([put('a', 1), put('b', 1)])
    const found = (...rows: Row[]): string[] => model.differences(new Map([['items', rows]]))
    expect(found(item('a', 1), item('b', 1))).toEqual([])
    expect(found(item('b', 1), item('a', 1))).toEqual(['items: the rows are not in key order'])
    expect(found(item('a', 1), item('a', 1), item('b', 1))).toEqual(['items: a key is there more than once'])
    expect(found(item('a', 2), item('c', 1))).toEqual([
      expect.stringMatching(/^items \["a"\]: .*count: 2.*, not .*count: 1/),
      expect.stringMatching(/^items \["b"\]: undefined, not/),
      expect.stringMatching(/^items \["c"\]: .*, not undefined$/),
    ])
  })

  test('every version agrees with a copy that was made in time', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed)
      const rows = new RandomRows(events, random)
      const order = new KeyOrder(events)
      const model = new Model(TEST_TABLES)
      const copies: Map<string, Row>[] = [new Map()]
      for (let i = 0; i < 60; i++) {
        const copy = new Map(copies[i])
        const writes = Array.from({ length: random.between(1, 5) }, (): Write => {
          const row = normalise(events, rows.row())
          const key = showValue(order.valuesOf(row))
          if (random.oneIn(3)) {
            copy.delete(key)
            return { kind: 'delete', table: 'events', key: order.shapeOf(row) }
          }
          copy.set(key, row)
          return { kind: 'put', table: 'events', row }
        })
        copies.push(copy)
        model.commit(writes)
      }
      for (const [version, copy] of copies.entries()) {
        const scanned = model.scan('events', {}, version)
        const byKey = new Map(scanned.map((row) => [showValue(order.valuesOf(row)), row]))
        expect(byKey.size).toBe(copy.size)
        expect([...copy].every(([key, row]) => rowsEqual(byKey.get(key), row))).toBe(true)
        const state = new Map([['events', scanned]])
        const sameAs = model.prefixOf(state, version) ?? -1
        expect(sameAs).toBeGreaterThanOrEqual(version)
        expect(model.differences(state, sameAs)).toEqual([])
      }
    }
  })
})

describe('key order', () => {
  const codecOf = (definition: TableDefinition): RowCodec =>
    RowCodec.compile(definition.name, definition.schema, definition.modes)
  const comparable = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

  test('keys sort as their encoded bytes do', async () => {
    for (const definition of TEST_TABLES) {
      const rows = new RandomRows(definition, new Random(definition.name))
      const [order, codec] = [new KeyOrder(definition), codecOf(definition)]
      const keys = Array.from({ length: 300 }, () => {
        const key = rows.key()
        const out = new ByteWriter(64)
        codec.encodeKey(key, out)
        return { key, values: order.partsOf(key), text: comparable(out.written()) }
      })
      const wrong: string[] = []
      for (const a of keys) {
        for (const b of keys) {
          const expected = a.text < b.text ? -1 : a.text > b.text ? 1 : 0
          if (Math.sign(order.compare(a.values, b.values)) !== expected) wrong.push(showValue([a.key, b.key]))
        }
      }
      expect(wrong).toEqual([])
    }
  })

  test('texts sort by code point, not by UTF-16 unit', () => {
    const order = new KeyOrder(items)
    const texts = ['', 'a', 'a\0', 'ab', 'b', 'é', '\u{ff5e}', '\u{10000}', '😀']
    expect(texts.toReversed().toSorted((a, b) => order.compare([a], [b]))).toEqual(texts)
  })

  test('ranges hold the keys that their encoded bounds hold', async () => {
    for (const definition of TEST_TABLES) {
      const rows = new RandomRows(definition, new Random(definition.name))
      const [order, codec] = [new KeyOrder(definition), codecOf(definition)]
      const hits = { inside: 0, outside: 0 }
      const wrong: string[] = []
      for (let i = 0; i < 5000; i++) {
        const [key, range] = [rows.key(), rows.range()]
        const out = new ByteWriter(64)
        codec.encodeKey(key, out)
        const text = comparable(out.written())
        const { lower, upper } = codec.encodeRange(range)
        const isInside =
          (lower === undefined || text >= comparable(lower)) &&
          (upper === undefined || text < comparable(upper))
        if (order.isInRange(order.partsOf(key), range) !== isInside) wrong.push(showValue([key, range]))
        const isEmpty = lower !== undefined && upper !== undefined && comparable(lower) >= comparable(upper)
        if (order.isEmpty(range) !== isEmpty) wrong.push(showValue(range))
        hits[isInside ? 'inside' : 'outside']++
      }
      expect(wrong).toEqual([])
      expect(Math.min(hits.inside, hits.outside)).toBeGreaterThan(500)
    }
  })

  test('rows come back from their encoding as the model keeps them', async () => {
    for (const definition of TEST_TABLES) {
      const rows = new RandomRows(definition, new Random(definition.name))
      const codec = codecOf(definition)
      const wrong: string[] = []
      for (let i = 0; i < 1000; i++) {
        const row = rows.row()
        const out = new ByteWriter(64)
        const keyEnd = codec.encodeRow(row, out)
        const back = codec.decodeRow(out.written(), 0, keyEnd, keyEnd, out.length)
        if (!rowsEqual(back, normalise(definition, row))) wrong.push(showValue([back, row]))
      }
      expect(wrong).toEqual([])
    }
  })
})
