import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, table, t } from '@meru/db'
import { beforeAll, expect, test } from 'vitest'
import { meru, meruOk, scanRows } from './command-line.ts'
import { scratchDirectory } from './scratch.ts'

const birds = table(
  'birds',
  {
    species: t.string(),
    ring: t.int(),
    seen: t.timestamptz({ mode: 'bigint' }),
    note: t.string().nullable(),
  },
  { key: ['species', 'ring'] },
)
const numbers = table('numbers', { n: t.long(), square: t.double() }, { key: ['n'] })

const SEEN = 1_700_000_000_123_456n

async function makeDatabase(): Promise<string> {
  const path = join(scratchDirectory(), 'db')
  await using database = await open(path)
  const rows = await database.table(birds)
  await rows.putMany([
    { species: 'owl', ring: 2, seen: SEEN, note: 'line\nbreak' },
    { species: 'owl', ring: 1, seen: SEEN + 1n, note: null },
    { species: 'osprey', ring: 7, seen: SEEN, note: 'x'.repeat(60) },
    { species: 'heron', ring: 3, seen: SEEN, note: '' },
  ])
  const few = await database.table(numbers)
  await few.putMany(Array.from({ length: 100 }, (_, i) => ({ n: BigInt(i) - 50n, square: i * 0.5 })))
  await few.put({ n: 2n ** 60n, square: Number.NaN })
  return path
}

test('get prints the row, as lines for people and as JSON', async () => {
  const db = await makeDatabase()
  expect(await meruOk('get', db, 'birds', 'owl', '2')).toBe(
    'species  owl\nring     2\nseen     2023-11-14T22:13:20.123456Z\nnote     line\\nbreak\n',
  )
  expect(await meruOk('get', db, 'birds', 'owl', '1', '--json')).toBe(
    '{"species":"owl","ring":1,"seen":"2023-11-14T22:13:20.123457Z","note":null}\n',
  )
  expect(await meruOk('get', db, 'numbers', '--json', '--', '-50')).toBe('{"n":-50,"square":0}\n')
  expect(await meruOk('get', db, 'numbers', '1152921504606846976', '--json')).toBe(
    '{"n":"1152921504606846976","square":"NaN"}\n',
  )
})

test('an absent row is exit code 4 with nothing on stdout', async () => {
  const db = await makeDatabase()
  const result = await meru(['get', db, 'birds', 'dodo', '1', '--json'])
  expect(result).toMatchObject({ exitCode: 4, stdout: '' })
  expect(result.stderr).toBe('meru: table "birds" has no row with the key dodo, 1\n')
})

test('scan obeys bounds, direction, limit and selection', async () => {
  const db = await makeDatabase()
  const rings = async (...argv: string[]): Promise<unknown[]> =>
    (await scanRows(db, 'birds', ...argv)).map(({ ring }) => ring)
  expect(await rings()).toEqual([3, 7, 1, 2])
  expect(await rings('--reverse', '--limit', '3')).toEqual([2, 1, 7])
  expect(await rings('--prefix', 'o')).toEqual([7, 1, 2])
  expect(await rings('--prefix', 'owl', '--prefix', '2')).toEqual([2])
  expect(await rings('--gt', 'heron', '--lt', 'owl', '--lt', '2')).toEqual([7, 1])
  expect(await rings('--gte', 'owl', '--lte', 'owl', '--lte', '1')).toEqual([1])
  expect(await scanRows(db, 'birds', '--select', 'note,ring', '--limit', '1')).toEqual([
    { note: '', ring: 3 },
  ])
  expect(await meruOk('scan', db, 'numbers', '--gte', '0', '--lt', '50', '--count')).toBe('50\n')
  expect(await meruOk('scan', db, 'numbers', '--count', '--json')).toBe('{"count":101}\n')
})

test('a scan for people is a table; only a terminal has its cells cut', async () => {
  const db = await makeDatabase()
  const piped = await meruOk('scan', db, 'birds', '--select', 'ring,note', '--prefix', 'o')
  expect(piped.split('\n').slice(0, 4)).toEqual([
    `ring  note`,
    `────  ${'─'.repeat(60)}`,
    `   7  ${'x'.repeat(60)}`,
    `   1  null`,
  ])
  const { stdout } = await meru(
    ['scan', db, 'birds', '--select', 'note', '--gte', 'osprey', '--limit', '1'],
    { isTTY: true },
  )
  expect(stdout.split('\n')[2]).toBe(`${'x'.repeat(39)}…`)
})

test('tables, schema and stats say what is there', async () => {
  const db = await makeDatabase()
  expect(JSON.parse(await meruOk('tables', db, '--json'))).toMatchObject([
    { name: 'birds', rows: 4, key: ['species', 'ring'], columns: 4 },
    { name: 'numbers', rows: 101, key: ['n'] },
  ])
  expect(await meruOk('tables', db)).toMatch(/^table +rows +columns +key +files +size\n─/)
  expect(await meruOk('schema', 'show', db, 'birds')).toMatch(/^ *10 +species +string +required +key 1$/m)
  const stats = JSON.parse(await meruOk('stats', db, '--json')) as { tables: unknown[] }
  expect(stats.tables).toHaveLength(2)
  expect(await meruOk('stats', db)).toMatch(/^numbers\n +level +files +size +live rows +dead rows$/m)
})

test('export publishes the table and prints where', async () => {
  const db = await makeDatabase()
  const { stdout, stderr } = await meru(['export', db, 'birds'])
  const metadata: unknown = JSON.parse(readFileSync(stdout.trim(), 'utf8'))
  expect(metadata).toMatchObject({ 'format-version': 2 })
  expect(stderr).toBe('4 rows in 1 data file, 0 delete files\n')
  const again = JSON.parse(await meruOk('export', db, 'birds', '--json')) as unknown
  expect(again).toMatchObject({ unchanged: true, liveRows: 4 })
})

test('verify finds nothing in a sound database, and the file and place of damage in another', async () => {
  const db = await makeDatabase()
  expect(await meruOk('verify', db)).toMatch(/no damage/)
  const path = damageData(db, 'birds')
  const result = await meru(['verify', db])
  expect(result.exitCode).toBe(1)
  expect(result.stdout).toContain(path.slice(db.length + 1))
  const report = JSON.parse((await meru(['verify', db, '--json'])).stdout) as { problems: unknown[] }
  expect(report.problems.length).toBeGreaterThan(0)
})

test('a damaged file fails the read that needs it and no other', async () => {
  const db = await makeDatabase()
  const path = damageData(db, 'birds')
  const result = await meru(['scan', db, 'birds', '--json'])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toMatch(/^meru: [^\n]+\nhint: run "meru verify"[^\n]+\n$/)
  expect(result.stderr).toContain(path.split('/').at(-1))
  expect(await scanRows(db, 'numbers')).toHaveLength(101)
})

test('a damaged manifest is reported, not repaired', async () => {
  const db = await makeDatabase()
  const names = readdirSync(join(db, 'manifest'))
  for (const name of names) writeFileSync(join(db, 'manifest', name), 'not a manifest')
  const result = await meru(['tables', db])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toMatch(/^meru: [^\n]*manifest[^\n]*\nhint: run "meru verify"/)
  expect(readdirSync(join(db, 'manifest'))).toEqual(names)
})

test('a database that is open elsewhere is exit code 3', async () => {
  const db = await makeDatabase()
  await using holder = await open(db)
  for (const argv of [
    ['scan', db, 'birds'],
    ['stats', db],
  ]) {
    const result = await meru(argv)
    expect(result.exitCode).toBe(3)
    expect(result.stderr).toMatch(/^meru: [^\n]+\nhint: close the program/)
  }
  expect(holder.tableNames()).toEqual(['birds', 'numbers'])
})

let sound = ''
beforeAll(async () => {
  sound = mkdtempSync(join(tmpdir(), 'meru-cli-'))
  await using database = await open(sound)
  await (await database.table(birds)).put({ species: 'owl', ring: 1, seen: SEEN, note: null })
  return () => rmSync(sound, { recursive: true })
})

test.each<[what: string, argv: readonly string[], problem: RegExp, exitCode: number]>([
  ['no such database', ['scan', '/nowhere/at/all', 'birds'], /there is no database at \/nowhere/, 1],
  ['no such table', ['scan', 'DB', 'fish'], /there is no table "fish"[^]*there are birds/, 1],
  ['no such column', ['scan', 'DB', 'birds', '--select', 'wing'], /no column "wing"; it has "species"/, 2],
  ['half a key', ['get', 'DB', 'birds', 'owl'], /the key has 2 columns: species \(string\), ring \(int\)/, 2],
  ['a key that is no int', ['get', 'DB', 'birds', 'owl', 'one'], /key column "ring": "one" is no int/, 2],
  [
    'a bound too many',
    ['scan', 'DB', 'birds', ...['--gt', 'a', '--gt', '1', '--gt', '2']],
    /--gt is given 3 times/,
    2,
  ],
  [
    'a limit that is none',
    ['scan', 'DB', 'birds', '--limit', 'ten'],
    /--limit: "ten" is not a whole number/,
    2,
  ],
  [
    'a value that looks like an option',
    ['get', 'DB', 'birds', 'owl', '-1'],
    /"-1" looks like an option[^]*"--"/,
    2,
  ],
  ['an option without its value', ['scan', 'DB', 'birds', '--limit'], /limit/, 2],
  ['a missing argument', ['scan', 'DB'], /<table> is missing[^]*usage: meru scan <database> <table>/, 2],
  ['an argument too many', ['stats', 'DB', 'x'], /"x" is one argument too many/, 2],
  ['no such command', ['frobnicate'], /no command "frobnicate"[^]*import, get, scan/, 2],
  ['no such general option', ['--frob'], /no option --frob/, 2],
])('%s', async (_what, argv, problem, exitCode) => {
  const result = await meru(argv.map((argument) => (argument === 'DB' ? sound : argument)))
  expect(result.stderr).toMatch(problem)
  expect(result.stderr).toMatch(/^meru: [^\n]+\n(hint: [^\n]+\n)?$/)
  expect(result).toMatchObject({ exitCode, stdout: '' })
})

test('--debug adds the stack', async () => {
  const result = await meru(['scan', sound, 'fish', '--debug'])
  expect(result.stderr).toMatch(/\n {4}at /)
})

/** Flips one bit in the first page of a table's only file. */
function damageData(db: string, name: string): string {
  const directory = join(db, 'tables', name, 'data')
  const [file] = readdirSync(directory)
  const path = join(directory, file)
  const bytes = readFileSync(path)
  // Pages of every column, but not the blocks at the end, without which the file cannot be opened.
  for (let offset = 48; offset < 400; offset += 16) bytes[offset] ^= 1
  writeFileSync(path, bytes)
  return path
}
