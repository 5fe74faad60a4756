import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open, t, table } from '@meru/db'
import { beforeEach, describe, expect, test } from 'vitest'
import { meru, meruOk } from './command-line.ts'
import { scratchDirectory } from './scratch.ts'

const users = table(
  'users',
  { id: t.long(), name: t.string(), age: t.int(), tag: t.string().nullable(), at: t.timestamp() },
  { key: ['id'] },
)

interface Column {
  id?: number
  name: string
  type: string
  required: boolean
  default?: string | number
}

let db = ''
let file = ''

async function write(edit: (columns: Column[]) => Column[]): Promise<void> {
  const shown = JSON.parse(await meruOk('schema', 'show', db, 'users', '--json')) as { columns: Column[] }
  writeFileSync(file, JSON.stringify({ ...shown, columns: edit(shown.columns) }))
}

beforeEach(async () => {
  const directory = scratchDirectory()
  db = join(directory, 'db')
  file = join(directory, 'users.json')
  await using database = await open(db)
  const rows = await database.table(users)
  await rows.put({ id: 1n, name: 'Ann', age: 30, tag: null, at: new Date(0) })
})

describe('meru schema', () => {
  test('a file as it was shown differs in nothing', async () => {
    await write((columns) => columns)
    expect(await meru(['schema', 'diff', db, 'users', file])).toMatchObject({ exitCode: 0, stdout: '' })
  })

  test('diff says what apply would do, and apply does it', async () => {
    await write(([id, name, age, tag, at]) => [
      id,
      { name: 'level', type: 'int', required: true, default: 3 },
      { ...name, name: 'full name' },
      { ...age, type: 'long', required: false, default: '7' },
      { ...at, default: '2024-02-29T01:02:03.000004' },
      tag,
    ])
    const changes = [
      'rename "name" to "full name"',
      'add column "level" (int, default 3)',
      'widen "age" from int to long',
      'let "age" be null',
      'set the default of "age" to 7',
      'set the default of "at" to 2024-02-29T01:02:03.000004',
      'order the columns id, level, full name, age, at, tag',
    ]
    const diff = await meru(['schema', 'diff', db, 'users', file])
    expect(diff).toMatchObject({
      exitCode: 1,
      stdout: `${changes.join('\n')}\n`,
      stderr: '7 changes would be made\n',
    })
    expect((await meru(['schema', 'apply', db, 'users', file])).stderr).toBe('7 changes made\n')
    expect(await meruOk('get', db, 'users', '1', '--json')).toBe(
      '{"id":1,"level":3,"full name":"Ann","age":30,"at":"1970-01-01T00:00:00","tag":null}\n',
    )
    expect(await meruOk('schema', 'show', db, 'users')).toMatch(/^ *15 +level +int +required +default 3$/m)
    expect(await meru(['schema', 'diff', db, 'users', file])).toMatchObject({ exitCode: 0 })
  })

  test('drops only what may be lost', async () => {
    await write((columns) => columns.filter(({ name }) => name !== 'tag'))
    const refused = await meru(['schema', 'apply', db, 'users', file])
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toContain('drop column "tag"')
    expect(refused.stderr).toContain('--allow-drop')
    expect(await meruOk('schema', 'apply', db, 'users', file, '--allow-drop')).toBe('drop column "tag"\n')
  })

  test.each<[string, (columns: Column[]) => Column[], string]>([
    ['a type that is none', ([id, ...rest]) => [{ ...id, type: 'text' }, ...rest], '"text" is not a type'],
    [
      'an id that is none',
      (columns) => [...columns, { id: 99, name: 'x', type: 'int', required: false }],
      'no column with id 99',
    ],
    [
      'a default that is none',
      (columns) => [...columns, { name: 'x', type: 'int', required: true, default: 'y' }],
      '"y" is no int',
    ],
    [
      'a required column',
      (columns) => [...columns, { name: 'x', type: 'int', required: true }],
      'give it a default',
    ],
    ['another key', ([, ...rest]) => rest, 'part of the key'],
    [
      'to narrow',
      (columns) => columns.map((c) => (c.name === 'tag' ? { ...c, type: 'int' } : c)),
      'string widens to nothing',
    ],
    [
      'required',
      (columns) => columns.map((c) => (c.name === 'tag' ? { ...c, required: true } : c)),
      'cannot become required',
    ],
  ])('refuses %s', async (_, edit, message) => {
    await write(edit)
    const { exitCode, stderr } = await meru(['schema', 'apply', db, 'users', file, '--allow-drop'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(message) as string })
  })

  test('refuses a command line that cannot be meant', async () => {
    expect(await meru(['schema', 'shows', db, 'users'])).toMatchObject({ exitCode: 2 })
    expect(await meru(['schema', 'diff', db, 'users'])).toMatchObject({ exitCode: 2 })
    expect(await meru(['schema', 'show', db, 'users', file])).toMatchObject({ exitCode: 2 })
    writeFileSync(file, '{')
    expect((await meru(['schema', 'diff', db, 'users', file])).stderr).toContain('is no JSON')
  })
})
