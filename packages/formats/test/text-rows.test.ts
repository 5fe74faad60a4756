import { t, table } from '@meru/core'
import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { csvRows, ndjsonRows, type CsvOptions, type RowsOptions } from '../src/index.ts'
import { chunksOf, collect } from './random-table.ts'

const cities = table(
  'cities',
  {
    id: t.int(),
    name: t.string().nullable(),
    seen: t.timestamptz().nullable(),
    raw: t.binary().nullable(),
    area: t.decimal(20, 18).default('1'),
    tags: t.list(t.string()).nullable(),
  },
  { key: ['id'] },
)

async function* source(...chunks: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}

async function csv(text: string, options?: CsvOptions): Promise<unknown[]> {
  return await collect(csvRows(source(text), cities, options))
}

async function ndjson(text: string, options?: RowsOptions): Promise<unknown[]> {
  return await collect(ndjsonRows(source(text), cities, options))
}

async function failureOf(rows: Promise<unknown>): Promise<string> {
  const error: unknown = await rows.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'INVALID' })
  return (error as Error).message
}

test('rows have the types of the table', async () => {
  for await (const rows of csvRows(source('id,name\n1,a\n'), cities)) {
    const id: number = rows[0].id
    const name: string | null | undefined = rows[0].name
    expect([id, name]).toEqual([1, 'a'])
  }
})

test('CSV: a quoted empty cell is a text or bytes without anything, an empty cell is null', async () => {
  expect(await csv('id,name,raw,seen\n1,"","",""\n2,,,\n')).toEqual([
    { id: 1, name: '', raw: new Uint8Array(), seen: null },
    { id: 2, name: null, raw: null, seen: null },
  ])
})

test('CSV: byte order mark, CRLF, quoted line breaks, empty lines, no line break at the end', async () => {
  expect(await csv('\ufeffid,name\r\n1,"two\r\nlines ""x"""\r\n\r\n2,ü')).toEqual([
    { id: 1, name: 'two\r\nlines "x"' },
    { id: 2, name: 'ü' },
  ])
})

test('text may be cut anywhere: between the bytes of a character, between CR and LF, between surrogates', async () => {
  const random = new Random(1)
  const text = '\ufeffid,name\r\n1,"é漢😀\r\n"\r\n2,"""😀"""\r\n'
  const expected = [
    { id: 1, name: 'é漢😀\r\n' },
    { id: 2, name: '"😀"' },
  ]
  for (let i = 0; i < 50; i++) {
    expect(await collect(csvRows(chunksOf(random, text), cities))).toEqual(expected)
  }
  expect(await collect(csvRows(source(...text.split('')), cities))).toEqual(expected)
  const bytes = new TextEncoder().encode(text)
  expect(await collect(csvRows(source(...Array.from(bytes, (byte) => Uint8Array.of(byte))), cities))).toEqual(
    expected,
  )
})

test('a chunk may be reused by its owner after the next is asked for', async () => {
  const buffer = new Uint8Array(1)
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const byte of new TextEncoder().encode('{"id":1,"name":"é漢😀"}\n')) {
      buffer[0] = byte
      yield await Promise.resolve(buffer)
    }
  }
  expect(await collect(ndjsonRows(bytes(), cities))).toEqual([{ id: 1, name: 'é漢😀' }])
})

test('CSV: the delimiter is the one that is given', async () => {
  expect(await csv('id;name\n1;a,b\n', { delimiter: ';' })).toEqual([{ id: 1, name: 'a,b' }])
  expect(() => csvRows(source(''), cities, { delimiter: '::' })).toThrow(/a delimiter is one character/)
  expect(() => csvRows(source(''), cities, { delimiter: '"' })).toThrow(/a delimiter is one character/)
})

test('NDJSON: absent members are left out, null is null, nested columns are JSON, objects have dotted names', async () => {
  const dotted = table('t', { 'a.b': t.int(), text: t.string().nullable() }, { key: ['a.b'] })
  expect(await collect(ndjsonRows(source('{"a":{"b":1}}\n\n{"a.b":2,"text":{"x":[1]}}'), dotted))).toEqual([
    { 'a.b': 1 },
    { 'a.b': 2, text: '{"x":[1]}' },
  ])
  expect(await ndjson('{"id":1,"name":null,"tags":["a","{}"]}\r\n')).toEqual([
    { id: 1, name: null, tags: ['a', '{}'] },
  ])
})

test('NDJSON: a fraction with more digits than a double has is exact in a decimal, and rounded nowhere', async () => {
  expect(await ndjson('{"id":1,"area":10.000000000000000001}\n{"id":2,"area":1.50e1}')).toEqual([
    { id: 1, area: '10.000000000000000001' },
    { id: 2, area: '15' },
  ])
  const doubles = table('t', { id: t.int(), d: t.double() }, { key: ['id'] })
  expect(await collect(ndjsonRows(source('{"id":1,"d":0.10000000000000000001}'), doubles))).toEqual([
    { id: 1, d: 0.1 },
  ])
  const refused = collect(ndjsonRows(source('{"id":1.0000000000000000001,"d":1}'), doubles))
  expect(await failureOf(refused)).toContain('column "id": "1.0000000000000000001" is no int')
  expect(await failureOf(collect(ndjsonRows(source('{"id":1,"d":1e400}'), doubles)))).toContain(
    'is no double',
  )
})

test('maps are objects or lists of entries; with one key twice they are refused', async () => {
  const columns = {
    id: t.int(),
    map: t.map(t.string(), t.timestamp()).nullable(),
    object: t.map(t.string(), t.long({ mode: 'number' }), { mode: 'object' }).nullable(),
  }
  const maps = table('maps', columns, { key: ['id'] })
  const map = '{"a":"1970-01-01 00:00"}'
  const lines = `{"id":1,"map":${map},"object":{"a":1,"__proto__":2}}\n`
  const [row] = await collect(ndjsonRows(source(lines), maps))
  expect(row.map).toEqual(new Map([['a', new Date(0)]]))
  expect(Object.entries(row.object ?? {})).toEqual([
    ['a', 1],
    ['__proto__', 2],
  ])
  const twice = '{"id":1,"object":[{"key":"a","value":1},{"key":"a","value":2}]}'
  expect(await failureOf(collect(ndjsonRows(source(twice), maps)))).toContain('column "object": [{"key":"a"')
})

test('columns that the table lacks are left out if that is said', async () => {
  expect(await csv('id,other,\n1,2,3\n', { unknown: 'ignore' })).toEqual([{ id: 1 }])
  expect(await ndjson('{"id":1,"other":{"x":2}}', { unknown: 'ignore' })).toEqual([{ id: 1 }])
})

const long = `"${'x'.repeat((16 << 20) + 10)}"`

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'a value of another type',
    () => csv('id,name\n1,a\nx,b\n'),
    /^line 3 of the input: table "cities", column "id": "x" is no int; expected a whole number from/,
  ],
  [
    'a long value',
    () => csv(`id,seen\n1,${'y'.repeat(500)}\n`),
    /line 2 .*"y{50,60}… is no timestamptz; expected a moment like/,
  ],
  [
    'microseconds for a Date',
    () => csv('id,seen\n1,2024-02-29T00:00:00.000001Z\n'),
    /whole milliseconds; with mode "bigint"/,
  ],
  [
    'an empty cell in a required column',
    () => csv('id,name\n1,a\n\n,b\n'),
    /^line 4 .*column "id": is empty, but the column is not nullable/,
  ],
  [
    'a column that the table lacks',
    () => csv('id,other\n1,2\n'),
    /^line 1 .*the input has column "other", which the table lacks; it has "id", "name"/,
  ],
  ['a column without a name', () => csv('id,\n1,2\n'), /^line 1 .*a column without a name/],
  [
    'a column that is missing',
    () => csv('name\na\n'),
    /^line 1 .*column "id": is missing, but the column is neither/,
  ],
  ['another delimiter', () => csv('id;name\n1;a\n'), /^line 1 .*pass \{ delimiter: ";" \}/],
  ['two columns of one name', () => csv('id,id\n1,2\n'), /^line 1 .*two columns are named "id"/],
  ['an empty input', () => csv(''), /^table "cities": the input is empty/],
  [
    'a row with too few cells',
    () => csv('id,name\n1\n'),
    /^line 2 .*: 1 cells, but the first line names 2 columns/,
  ],
  [
    'a quote that is never closed',
    () => csv('id,name\n1,a\n2,"b\n3,c'),
    /^line 3 .*: a quote is opened in this record and never closed; close it/,
  ],
  [
    'a CSV record past 16 MiB',
    () => csv(`id,name\n1,${long}\n`),
    /^line 2 .*: one record takes more than 16 MiB/,
  ],
  [
    'broken UTF-8',
    () =>
      collect(
        csvRows(source(Uint8Array.of(0x69, 0x64, 0x0a, 0x31), Uint8Array.of(0x0a, 0xc3, 0x28)), cities),
      ),
    /^table "cities": the input is not UTF-8 text: byte 6 breaks it/,
  ],
  [
    'a character that is cut off',
    () => collect(ndjsonRows(source(Uint8Array.of(0x20, 0xe2, 0x82)), cities)),
    /not UTF-8 text: byte 1 breaks it/,
  ],
  [
    'a compressed file',
    () => collect(csvRows(source(Uint8Array.of(0x1f, 0x8b, 8, 0)), cities)),
    /it is compressed; gunzip it first/,
  ],
  [
    'JSON that is malformed',
    () => ndjson('{"id":1}\n{"id":}\n'),
    /^line 2 of the input: table "cities": malformed JSON/,
  ],
  [
    'JSON that is no object',
    () => ndjson('{"id":1}\n\n[2]\n'),
    /^line 3 .*an object was expected, not an array/,
  ],
  [
    'a member that the table lacks',
    () => ndjson('{"id":1,"a":{"b":2}}'),
    /^line 1 .*has column "a.b", which the table lacks/,
  ],
  ['a member that is missing', () => ndjson('{"name":"a"}'), /^line 1 .*column "id": is missing/],
  ['a member that is null', () => ndjson('{"id":null}'), /^line 1 .*column "id": is empty/],
  [
    'a list of the wrong things',
    () => ndjson('{"id":1,"tags":[null]}'),
    /^line 1 .*column "tags": \[null\] is no list<string>/,
  ],
  [
    'an object for a number',
    () => ndjson('{"id":{"nanos":12345678901234567890}}'),
    /^line 1 .*column "id": .* is no int/,
  ],
  ['a line past 16 MiB', () => ndjson(`{"id":1}\n${long}`), /^line 2 .*: one record takes more than 16 MiB/],
])('%s is refused', async (_what, read, expected) => {
  expect(await failureOf(read())).toMatch(expected)
})

test('misuse is a TypeError at once', () => {
  expect(() => csvRows('cities.csv' as never, cities)).toThrow(/like createReadStream\(path\)/)
  expect(() => csvRows(source(''), cities, { unknwon: 'ignore' } as never)).toThrow(/option "unknwon"/)
  expect(() => ndjsonRows(source(''), cities, { unknown: 'drop' } as never)).toThrow(/'ignore' or 'refuse'/)
})

test('a consumer that stops closes the source', async () => {
  let isClosed = false
  async function* endless(): AsyncGenerator<string> {
    try {
      yield 'id,name\n'
      for (let id = 0; ; id++) yield await Promise.resolve(`${id},x\n`)
    } finally {
      isClosed = true
    }
  }
  for await (const rows of csvRows(endless(), cities)) {
    if ((rows[0]?.id ?? 0) > 10) break
  }
  expect(isClosed).toBe(true)
})

test('an error of the source arrives as it is', async () => {
  const broken = new Error('the connection is lost')
  async function* failing(): AsyncGenerator<string> {
    yield await Promise.resolve('id\n1\n')
    throw broken
  }
  await expect(collect(csvRows(failing(), cities))).rejects.toBe(broken)
})

test('rows arrive in arrays of bounded length, however large the chunks are', async () => {
  const text = `id,name\n${Array.from({ length: 200_000 }, (_, id) => `${id},x`).join('\n')}`
  const lengths: number[] = []
  for await (const rows of csvRows(source(text), cities)) lengths.push(rows.length)
  expect(lengths.reduce((a, b) => a + b, 0)).toBe(200_000)
  expect(Math.max(...lengths)).toBeLessThan(100_000)
})
