import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { meru, meruOk, scanRows } from './command-line.ts'
import { scratchDirectory, scratchFile } from './scratch.ts'

const ZIPS = `zip,city,lat,Cost $,seen
00501,Holtsville,40.92,1,2020-01-02
10001,"New York, NY",40.75,,2020-01-03
99950,,55.34,3,2020-01-04
`

function newDatabase(): string {
  return join(scratchDirectory(), 'db')
}

async function importReport(...argv: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await meruOk('import', ...argv, '--json')) as Record<string, unknown>
}

test('a CSV file becomes a table with inferred types', async () => {
  const db = newDatabase()
  const report = await importReport(scratchFile('zips.csv', ZIPS), db, '--table', 'zips', '--key', 'zip')
  expect(report).toMatchObject({ table: 'zips', rows: 3, inserted: 3, replaced: 0, tableRows: 3 })
  expect(await scanRows(db, 'zips')).toEqual([
    { zip: '00501', city: 'Holtsville', lat: 40.92, 'Cost $': 1, seen: '2020-01-02' },
    { zip: '10001', city: 'New York, NY', lat: 40.75, 'Cost $': null, seen: '2020-01-03' },
    { zip: '99950', city: null, lat: 55.34, 'Cost $': 3, seen: '2020-01-04' },
  ])
  const schema = JSON.parse(await meruOk('schema', 'show', db, 'zips', '--json')) as unknown
  expect(schema).toMatchObject({
    key: ['zip'],
    columns: [
      { name: 'zip', type: 'string', required: true },
      { name: 'city', type: 'string', required: false },
      { name: 'lat', type: 'double', required: true },
      { name: 'Cost $', type: 'int', required: false },
      { name: 'seen', type: 'date', required: true },
    ],
  })
})

test('of rows with one key the last stays, also over two imports', async () => {
  const db = newDatabase()
  const first = await importReport(
    scratchFile('a.csv', 'k,v\n1,a\n2,b\n1,c\n'),
    db,
    '--table',
    't',
    '--key',
    'k',
  )
  expect(first).toMatchObject({ rows: 3, inserted: 2, replaced: 1 })
  const second = await importReport(scratchFile('b.csv', 'v,k\nd,2\ne,3\n'), db, '--table', 't')
  expect(second).toMatchObject({ rows: 2, inserted: 1, replaced: 1, tableRows: 3 })
  expect(await scanRows(db, 't')).toEqual([
    { k: 1, v: 'c' },
    { k: 2, v: 'd' },
    { k: 3, v: 'e' },
  ])
})

test('rows without a natural key are numbered', async () => {
  const db = newDatabase()
  const path = scratchFile('a.json', '[{"x":"b"},{"x":"a"}]')
  await importReport(path, db, '--table', 't', '--key', '@row')
  expect(await scanRows(db, 't')).toEqual([
    { row_number: 1, x: 'b' },
    { row_number: 2, x: 'a' },
  ])
  const again = await meru(['import', path, db, '--table', 't', '--key', '@row'])
  expect(again.exitCode).toBe(1)
  expect(again.stderr).toContain('--replace')
})

test('--replace drops the stored rows, but only for a file that fits', async () => {
  const db = newDatabase()
  await importReport(scratchFile('a.csv', 'k,v\n1,a\n2,b\n'), db, '--table', 't', '--key', 'k')
  const bad = scratchFile('b.csv', 'k,other\n5,1\n,2\n')
  expect((await meru(['import', bad, db, '--table', 't', '--key', 'k', '--replace'])).exitCode).toBe(1)
  expect(await scanRows(db, 't')).toHaveLength(2)
  const good = scratchFile('c.csv', 'k,other\n5,1\n')
  await importReport(good, db, '--table', 't', '--key', 'k', '--replace')
  expect(await scanRows(db, 't')).toEqual([{ k: 5, other: 1 }])
})

test('a key of several columns orders the table', async () => {
  const db = newDatabase()
  const path = scratchFile('a.csv', 'v,b,a\nx,2,q\ny,1,q\nz,3,p\n')
  await importReport(path, db, '--table', 't', '--key', 'a,b')
  expect((await scanRows(db, 't')).map(({ v }) => v)).toEqual(['z', 'y', 'x'])
  expect(await scanRows(db, 't', '--gte', 'q', '--gte', '2')).toEqual([{ v: 'x', b: 2, a: 'q' }])
  expect(await meruOk('get', db, 't', 'q', '1', '--select', 'v', '--json')).toBe('{"v":"y"}\n')
})

test('every type goes in by --types and comes out as it was', async () => {
  const columns: Readonly<Record<string, readonly [type: string, text: string, json: unknown]>> = {
    k: ['uuid', '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162', '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162'],
    boolean: ['boolean', 'TRUE', true],
    int: ['int', '-7', -7],
    long: ['long', '9223372036854775807', '9223372036854775807'],
    short: ['long', '12', 12],
    float: ['float', '0.5', 0.5],
    nan: ['double', 'NaN', 'NaN'],
    decimal: ['decimal(10,2)', '12.3', '12.30'],
    date: ['date', '2024/02/29', '2024-02-29'],
    time: ['time', '23:59:59.000001', '23:59:59.000001'],
    timestamp: ['timestamp', '2024-02-29 01:02:03.000004', '2024-02-29T01:02:03.000004'],
    timestamptz: ['timestamptz', '2024-02-29T01:02:03+01:00', '2024-02-29T00:02:03Z'],
    nanos: ['timestamp_ns', '2024-02-29T01:02:03.000000005', '2024-02-29T01:02:03.000000005'],
    string: ['string', '007', '007'],
    fixed: ['fixed(2)', 'BEEF', 'beef'],
    binary: ['binary', '00ff', '00ff'],
    none: ['int?', '', null],
  }
  const entries = Object.entries(columns)
  const text = `${entries.map(([name]) => name).join(',')}\n${entries.map(([, [, cell]]) => cell).join(',')}\n`
  const types = entries.map(([name, [type]]) => `${name}=${type}`).join(',')
  const db = newDatabase()
  await importReport(scratchFile('a.csv', text), db, '--table', 't', '--key', 'k', '--types', types)
  const [row] = await scanRows(db, 't')
  expect(row).toEqual(Object.fromEntries(entries.map(([name, [, , json]]) => [name, json])))
})

test('a Parquet file brings its types along', async () => {
  const columnData = [
    { name: 'id', data: [9_007_199_254_740_993n, 2n], type: 'INT64' as const },
    { name: 'text', data: ['b', null], type: 'STRING' as const },
  ]
  const db = newDatabase()
  const path = scratchFile('a.parquet', new Uint8Array(parquetWriteBuffer({ columnData })))
  await importReport(path, db, '--table', 't', '--key', 'id')
  expect(await scanRows(db, 't')).toEqual([
    { id: 2, text: null },
    { id: '9007199254740993', text: 'b' },
  ])
})

test('a sample may be wrong: the error names the value, and nothing is written', async () => {
  const rows = Array.from({ length: 60_000 }, (_, i) => `${i},${i}`)
  const db = newDatabase()
  const path = scratchFile('a.csv', `k,v\n${rows.join('\n')}\n60000,many\n`)
  const result = await meru(['import', path, db, '--table', 't', '--key', 'k', '--sample', '100'])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toContain(`${path} line 60002, column "v": "many" is no int`)
  expect(result.stderr).toContain("--types 'v=string'")
  expect(existsSync(db)).toBe(false)
})

test.each<[string, string, object]>([
  ['of another type', '60000,many', { k: 60_000, v: 'many' }],
  ['that is missing', '60000,', { k: 60_000, v: null }],
  ['that only a wider type holds', '60000,0.5', { k: 60_000, v: 0.5 }],
])('a late value %s changes what the first rows said', async (_what, line, row) => {
  const rows = Array.from({ length: 60_000 }, (_, i) => `${i},${i}`)
  const db = newDatabase()
  const path = scratchFile('a.csv', `k,v\n${rows.join('\n')}\n${line}\n`)
  const report = await importReport(path, db, '--table', 't', '--key', 'k')
  expect(report).toMatchObject({ rows: 60_001, inserted: 60_001, replaced: 0, tableRows: 60_001 })
  expect((await scanRows(db, 't', '--gte', '60000'))[0]).toEqual(row)
})

test('an interrupted import leaves a database that opens', async () => {
  const db = newDatabase()
  await importReport(scratchFile('a.csv', ZIPS), db, '--table', 'zips', '--key', 'zip')
  const path = scratchFile('b.csv', ZIPS)
  const result = await meru(['import', path, db, '--table', 'zips'], { signal: AbortSignal.abort() })
  expect(result).toMatchObject({ exitCode: 130, stderr: 'meru: interrupted\n' })
  expect(await scanRows(db, 'zips')).toHaveLength(3)
})

test.each<
  [
    what: string,
    name: string,
    content: string | Uint8Array,
    argv: readonly string[],
    problem: RegExp,
    exitCode: number,
  ]
>([
  [
    'a value that its type cannot hold',
    'a.csv',
    'k,v\n1,2\n2,x\n',
    ['--key', 'k', '--types', 'v=int'],
    /line 3, column "v": "x" is no int/,
    1,
  ],
  [
    'a key that is absent in a row',
    'a.csv',
    'k,v\n1,2\n,3\n',
    ['--key', 'k'],
    /line 3: column "k" is empty/,
    1,
  ],
  [
    'a key column that is not there',
    'a.csv',
    ZIPS,
    ['--key', 'ZIP'],
    /--key names column "ZIP"; the file has "zip", "city"/,
    2,
  ],
  [
    'no key',
    'a.json',
    '[{"p":1,"q":2}]',
    [],
    /--key COLUMNS is missing; the columns are "p", "q"[^]*--key @row/,
    2,
  ],
  [
    'a double as key',
    'a.csv',
    ZIPS,
    ['--key', 'lat'],
    /column "lat" holds double values, which cannot be a key/,
    1,
  ],
  [
    'a type that is none',
    'a.csv',
    ZIPS,
    ['--key', 'zip', '--types', 'lat=number'],
    /"number" is not a type[^]*decimal\(p,s\)/,
    2,
  ],
  [
    'a type for no column',
    'a.csv',
    ZIPS,
    ['--key', 'zip', '--types', 'x=int'],
    /--types names column "x"/,
    2,
  ],
  [
    'a table name that is none',
    'a.csv',
    ZIPS,
    ['--key', 'zip', '--table', 'a/b'],
    /--table: "a\/b" is not/,
    2,
  ],
  ['a column name that is reserved', 'a.csv', 'k,_seqno\n1,2\n', ['--key', 'k'], /"_seqno" is reserved/, 1],
  ['a heading alone', 'a.csv', 'k,v\n', ['--key', 'k'], /has no rows/, 1],
  [
    'binary garbage',
    'a.csv',
    new Uint8Array(3000).map((_, i) => i * 7),
    ['--key', 'k'],
    /is not UTF-8 text/,
    1,
  ],
  ['compressed text', 'a.csv', new Uint8Array([0x1f, 0x8b, 8, 0, 0xff]), ['--key', 'k'], /gunzip/, 1],
  ['an unclosed quote', 'a.csv', 'k,v\n1,"2\n', ['--key', 'k'], /line 2: a quote is opened/, 1],
  ['malformed JSON', 'a.json', '[{"k":1},\n{"k":]', ['--key', 'k'], /line 2: /, 1],
  ['no format', 'rows', 'k\n1\n', ['--key', 'k'], /does not say its format[^]*--format/, 2],
  [
    '--replace from a sample',
    'a.csv',
    ZIPS,
    ['--key', 'zip', '--replace', '--sample', '5'],
    /exclude each other/,
    2,
  ],
  ['an option that is none', 'a.csv', ZIPS, ['--keys', 'zip'], /no option --keys[^]*did you mean --key\?/, 2],
])('%s: one clear line, and no database is made', async (_what, name, content, argv, problem, exitCode) => {
  const db = newDatabase()
  const table = argv.includes('--table') ? [] : ['--table', 't']
  const result = await meru(['import', scratchFile(name, content), db, ...table, ...argv])
  expect(result.stderr).toMatch(problem)
  expect(result.stderr).toMatch(/^meru: [^\n]+\n(hint: [^\n]+\n)?$/)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(existsSync(db)).toBe(false)
})

test.each<[string, readonly string[], RegExp]>([
  ['another key', ['--key', 'city'], /exists with the key zip, not city/],
  ['another type', ['--types', 'lat=string'], /column "lat" as double, not string/],
])('rows for a stored table: %s is refused', async (_what, argv, problem) => {
  const db = newDatabase()
  const path = scratchFile('a.csv', ZIPS)
  await importReport(path, db, '--table', 't', '--key', 'zip')
  const result = await meru(['import', path, db, '--table', 't', ...argv])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toMatch(problem)
})

test.each<[string, string, RegExp]>([
  ['a column that the table lacks', 'k,v,w\n1,a,2\n', /has no column "w"/],
  ['a value that the stored type cannot hold', 'k,v\nx,a\n', /line 2, column "k": "x" is no int/],
  ['a value missing where the table needs one', 'k,v\n1,\n', /column "v" is empty/],
  ['a column missing that the table needs', 'k\n1\n', /needs column "v", which the file lacks/],
])('rows for a stored table: %s is refused before anything is written', async (_what, text, problem) => {
  const db = newDatabase()
  await importReport(scratchFile('a.csv', 'k,v\n1,a\n'), db, '--table', 't', '--key', 'k')
  const result = await meru(['import', scratchFile('b.csv', text), db, '--table', 't'])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toMatch(problem)
  expect(await scanRows(db, 't')).toEqual([{ k: 1, v: 'a' }])
})

test('files and directories that cannot be used are refused as they are', async () => {
  const directory = scratchDirectory()
  const path = scratchFile('a.csv', ZIPS)
  const refuse = async (file: string, db: string): Promise<string> => {
    const result = await meru(['import', file, db, '--table', 't', '--key', 'zip'])
    expect(result.exitCode).toBe(1)
    return result.stderr
  }
  expect(await refuse(join(directory, 'no.csv'), join(directory, 'db'))).toMatch(
    /no\.csv cannot be opened: no such file/,
  )
  expect(await refuse(directory, join(directory, 'db'))).toMatch(/is a directory, not a file of rows/)
  expect(await refuse(path, path)).toMatch(/is a file, not the directory of a database/)
  writeFileSync(join(directory, 'thesis.txt'), 'mine')
  expect(await refuse(path, directory)).toMatch(/holds other files and is not a database/)
})

test('on a terminal the work shows, and the line is gone at the end', async () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => `${i},text ${i}`)
  const path = scratchFile('a.csv', `k,v\n${rows.join('\n')}\n`)
  const result = await meru(['import', path, newDatabase(), '--table', 't', '--key', 'k'], { isTTY: true })
  expect(result.exitCode).toBe(0)
  expect(result.stderr).toMatch(/importing .*left/)
  expect(result.stderr.endsWith('\r\u001b[K')).toBe(true)
  expect(result.stdout).toMatch(/^50,000 rows into "t"/)
})
