import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open, t, table } from '@meru/db'
import { expect, test } from 'vitest'
import { meru, meruOk } from './command-line.ts'
import { scratchDirectory } from './scratch.ts'

const orders = table(
  'orders',
  {
    id: t.int(),
    lines: t.list(t.struct({ sku: t.string(), n: t.int(), at: t.timestamptz().nullable() })),
    tags: t.map(t.string(), t.list(t.string().nullable())).default(new Map([['k', ['a']]])),
    days: t.map(t.date(), t.decimal(9, 2)).nullable(),
  },
  { key: ['id'] },
)

async function makeDatabase(): Promise<{ db: string; file: string }> {
  const directory = scratchDirectory()
  const db = join(directory, 'db')
  await using database = await open(db)
  const rows = await database.table(orders)
  await rows.put({
    id: 1,
    lines: [{ sku: 'x', n: 2, at: new Date('2024-02-29T01:02:03.004Z') }],
    tags: new Map([['a', ['b', null]]]),
    days: new Map([['2024-02-29', '1.50']]),
  })
  return { db, file: join(directory, 'schema.json') }
}

test('rows with nested columns as JSON and as a table', async () => {
  const { db } = await makeDatabase()
  expect(JSON.parse(await meruOk('scan', db, 'orders', '--json'))).toEqual({
    id: 1,
    lines: [{ sku: 'x', n: 2, at: '2024-02-29T01:02:03.004Z' }],
    tags: { a: ['b', null] },
    days: [{ key: '2024-02-29', value: '1.50' }],
  })
  expect(await meruOk('get', db, 'orders', '1')).toMatch(/^tags +\{"a":\["b",null\]\}$/m)
})

test('schemas with nested types are shown, are equal to themselves, and widen from a file', async () => {
  const { db, file } = await makeDatabase()
  expect(await meruOk('schema', 'show', db, 'orders')).toMatch(
    /lines +list<struct<sku: string, n: int, at: timestamptz\?>> +required/,
  )
  const shown = await meruOk('schema', 'show', db, 'orders', '--json')
  writeFileSync(file, shown)
  expect(await meru(['schema', 'diff', db, 'orders', file])).toMatchObject({ exitCode: 0, stdout: '' })
  writeFileSync(file, shown.replace('n: int', 'n: long').replace('"default":{"k":["a"]}', '"default":{}'))
  expect(await meruOk('schema', 'apply', db, 'orders', file)).toContain('set the default of "tags" to {}')
  expect(await meruOk('schema', 'show', db, 'orders')).toContain('n: long')
  writeFileSync(file, shown.replace('sku: string, ', ''))
  const refused = await meru(['schema', 'diff', db, 'orders', file])
  expect(refused.stderr).toContain('change its fields with table.alter((a) => a.within(…))')
})

test('import fills lists and maps from JSON, and names what does not fit', async () => {
  const { db, file } = await makeDatabase()
  const rows = file.replace('schema.json', 'rows.ndjson')
  writeFileSync(rows, '{"id":2,"lines":[{"sku":"y","n":3,"at":null}]}\n')
  await meruOk('import', rows, db, '--table', 'orders')
  expect(JSON.parse((await meruOk('scan', db, 'orders', '--json')).split('\n')[1])).toEqual({
    id: 2,
    lines: [{ sku: 'y', n: 3, at: null }],
    tags: { k: ['a'] },
    days: null,
  })
  writeFileSync(rows, '{"id":3,"lines":[{"sku":"y","n":"many","at":null}]}\n')
  const refused = await meru(['import', rows, db, '--table', 'orders'])
  expect(refused.stderr).toContain('line 1, column "lines"')
  expect(refused.stderr).toContain('is no list')
})
