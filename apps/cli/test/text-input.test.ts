import { expect, test } from 'vitest'
import type { Cell } from '@meru/formats/parts'
import type { Input } from '../src/input/input.ts'
import { openInput } from '../src/input/open-input.ts'
import { scratchFile } from './scratch.ts'

const never = new AbortController().signal

interface Content {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly lines: readonly number[]
}

async function readAll(input: Input): Promise<Content> {
  const rows: (readonly Cell[])[] = []
  const lines: number[] = []
  for await (const batch of input.batches(never)) {
    rows.push(...batch.rows)
    lines.push(...Array.from(batch.places))
    expect(batch.bytesRead).toBeLessThanOrEqual(input.bytes)
  }
  return { columns: input.columns, rows, lines }
}

async function read(name: string, content: string | Uint8Array): Promise<Content> {
  return await readAll(await openInput(scratchFile(name, content)))
}

async function failureOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = scratchFile(name, content)
  try {
    await readAll(await openInput(path))
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(path, name) : String(error)
  }
  return 'no failure'
}

test('CSV: quotes, line breaks in cells, CRLF, a byte order mark, no line break at the end', async () => {
  const text = '\ufeffid,a name,$\r\n1,"x, ""y""",\r\n2,"two\nlines",""\r\n3,plain,ü'
  expect(await read('in.csv', text)).toEqual({
    columns: ['id', 'a name', '$'],
    rows: [
      ['1', 'x, "y"', null],
      ['2', 'two\nlines', ''],
      ['3', 'plain', 'ü'],
    ],
    lines: [2, 3, 5],
  })
})

test('CSV: a character cut in two between two reads of the file is whole', async () => {
  const row = `${'é'.repeat(50)},${'𝄞'.repeat(7)}\n`
  const { rows } = await read('in.csv', `a,b\n${row.repeat(6000)}`)
  expect(rows).toHaveLength(6000)
  expect(new Set(rows.map((cells) => JSON.stringify(cells)))).toEqual(
    new Set([JSON.stringify(['é'.repeat(50), '𝄞'.repeat(7)])]),
  )
})

test('CSV: a column without a name gets one, blank lines are skipped', async () => {
  const { columns, rows } = await read('in.csv', ',b\n1,2\n\n3,4\n\n')
  expect(columns).toEqual(['column_1', 'b'])
  expect(rows).toEqual([
    ['1', '2'],
    ['3', '4'],
  ])
})

test('TSV: cells are separated by tabs', async () => {
  expect((await read('in.tsv', 'a\tb\n1,5\t2\n')).rows).toEqual([['1,5', '2']])
})

test.each<[string, string, string | Uint8Array, RegExp]>([
  [
    'an unclosed quote',
    'in.csv',
    'a,b\n1,2\n3,"4\n5,6\n',
    /^in\.csv line 3: a quote is opened .* never closed/,
  ],
  [
    'text after a closing quote',
    'in.csv',
    'a,b\n1,2\n"3"x,4\n',
    /^in\.csv line 3: text follows a closing quote/,
  ],
  ['a quote in an unquoted cell', 'in.csv', 'a,b\n1,2"3\n', /^in\.csv line 2: a quote stands inside/],
  ['a row with another number of cells', 'in.csv', 'a,b\n1,2\n3\n', /^in\.csv line 3: 1 cells/],
  ['two columns of one name', 'in.csv', 'a,a\n1,2\n', /^in\.csv line 1: two columns are named "a"/],
  ['another separator', 'in.csv', 'a;b\n1;2\n', /^in\.csv has one column, "a;b"/],
  [
    'binary data',
    'in.csv',
    new Uint8Array([0x61, 0x0a, 0xff, 0xfe, 0x00]),
    /^in\.csv is not UTF-8 text: byte 2/,
  ],
  ['a heading of nothing', 'in.csv', '\n\n', /^in\.csv is empty/],
  ['an empty file', 'in.csv', '', /^in\.csv is empty/],
  ['JSON that is cut off', 'in.json', '[{"a":1},\n{"a":2}', /^in\.json line 2: the file ends too early/],
  [
    'a missing comma in JSON',
    'in.json',
    '[{"a":1},\n\n{"a":\n2 "b":3}]',
    /^in\.json line 4: malformed JSON: /,
  ],
  ['a comma too many in JSON', 'in.json', '[{"a":1},]', /^in\.json line 1: malformed JSON/],
  [
    'an element that is no object',
    'in.json',
    '[{"a":1},\n7]',
    /^in\.json line 2: an object was expected, not a number/,
  ],
  ['text after JSON', 'in.json', '[{"a":1}]\nx', /^in\.json line 2: text follows the end/],
  [
    'lines of JSON in a .json file',
    'in.json',
    '{"a":1}\n{"a":2}\n',
    /^in\.json line 2: text follows the end/,
  ],
  ['an object that is no collection', 'in.json', '{"a":[1]}', /^in\.json holds neither/],
  ['a text that is no JSON', 'in.json', 'hello', /^in\.json line 1: neither a JSON array nor an object/],
  ['a malformed line', 'in.ndjson', '{"a":1}\n{"a":}\n', /^in\.ndjson line 2: malformed JSON/],
  [
    'two values for one column',
    'in.ndjson',
    '{"a.b":1,"a":{"b":2}}\n',
    /^in\.ndjson line 1: it has two values for column "a\.b"/,
  ],
])('%s is refused with its line', async (_what, name, content, expected) => {
  expect(await failureOf(name, content)).toMatch(expected)
})

test('JSON: nested objects get dotted names, arrays stay JSON, absent members are null', async () => {
  const text = '[{"a":1,"b":{"c":"x","d":{"e":true}}},\n {"f":[1,{"g":2}],"b":{}, "a":null}]'
  expect(await read('in.json', text)).toEqual({
    columns: ['a', 'b.c', 'b.d.e', 'f', 'b'],
    rows: [
      [1, 'x', true],
      [null, null, null, '[1,{"g":2}]', '{}'],
    ],
    lines: [1, 2],
  })
})

test('JSON: brackets, commas and escaped quotes inside strings are text', async () => {
  expect((await read('in.json', '[{"a":"]},{[\\"\\\\"},{"a":"\\u0041"}]')).rows).toEqual([
    [']},{["\\'],
    ['A'],
  ])
})

test('JSON: integers that a double would change stay exact', async () => {
  const text = '[{"a":9007199254740993,"b":[9007199254740993],"c":1234567890123456.5}]'
  expect((await read('in.json', text)).rows).toEqual([
    [9_007_199_254_740_993n, '[9007199254740993]', 1_234_567_890_123_456.5],
  ])
})

test('JSON: an array without elements has no rows', async () => {
  expect((await read('in.json', ' [ ] ')).rows).toEqual([])
})

test('JSON: the frame is found wherever the reads of the file fall', async () => {
  const record = { name: 'ü,]}"\\', list: [1, 2, { x: '[' }], n: -1.5e3 }
  const text = JSON.stringify(Array.from({ length: 9000 }, (_, i) => ({ i, ...record })))
  expect(text.length).toBeGreaterThan(1 << 18)
  const { rows } = await read('in.json', text)
  expect(rows).toHaveLength(9000)
  rows.forEach((row, i) => expect(row).toEqual([i, record.name, JSON.stringify(record.list), record.n]))
})

test('GeoJSON: a point becomes coordinates, properties keep their names unless taken', async () => {
  const text = JSON.stringify({
    features: [
      {
        type: 'Feature',
        id: 'a',
        geometry: { type: 'Point', coordinates: [1, 2, 3] },
        properties: { mag: 2.5, type: 'q' },
      },
      {
        type: 'Feature',
        geometry: { type: 'LineString', coordinates: [[1, 2]] },
        properties: { id: 7, mag: null },
      },
      { type: 'Feature', geometry: null, properties: null },
    ],
    type: 'FeatureCollection',
    metadata: { features: [1, 2] },
  })
  const { columns, rows } = await read('in.geojson', text)
  expect(columns).toEqual(['id', 'longitude', 'latitude', 'z', 'mag', 'type', 'geometry', 'properties.id'])
  const line = '{"type":"LineString","coordinates":[[1,2]]}'
  expect(rows).toEqual([['a', 1, 2, 3, 2.5, 'q'], [null, null, null, null, null, null, line, 7], []])
})

test('NDJSON: blank lines and CRLF are no rows, the last line needs no break', async () => {
  expect(await read('in.ndjson', '{"a":1}\r\n\r\n{"a":2}')).toEqual({
    columns: ['a'],
    rows: [[1], [2]],
    lines: [1, 3],
  })
})

test('a file is read anew as often as asked', async () => {
  const input = await openInput(scratchFile('in.csv', 'a\n1\n2\n'))
  expect((await readAll(input)).rows).toEqual((await readAll(input)).rows)
})
