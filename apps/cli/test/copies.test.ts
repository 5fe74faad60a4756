import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { meru, meruOk, scanRows } from './command-line.ts'
import { scratchDirectory, scratchFile } from './scratch.ts'

/** A database with one table of three rows. */
async function database(): Promise<{ db: string; directory: string }> {
  const directory = scratchDirectory()
  const db = join(directory, 'db')
  await meruOk('import', scratchFile('a.csv', 'k,v\n1,a\n2,b\n3,c\n'), db, '--table', 't', '--key', 'k')
  return { db, directory }
}

test('checkpoint links the files, and the copy is a database', async () => {
  const { db, directory } = await database()
  const copy = join(directory, 'copy')
  const report = JSON.parse(await meruOk('checkpoint', db, copy, '--json')) as object
  expect(report).toMatchObject({ path: copy, files: 1 })
  const data = join(copy, 'tables/t/data')
  expect(readdirSync(data).map((name) => statSync(join(data, name)).nlink)).toEqual([2])
  rmSync(db, { recursive: true })
  expect(await meruOk('verify', copy)).toMatch(/^1 file, .*, 3 rows: no damage/)
  expect(await scanRows(copy, 't')).toHaveLength(3)
})

test('backup copies what is new, verify and restore take it from there', async () => {
  const { db, directory } = await database()
  const [backup, again] = [join(directory, 'backup'), join(directory, 'again')]
  expect(await meruOk('backup', db, backup)).toMatch(/: 1 file, 1 of them new, /)
  await meruOk('import', scratchFile('b.csv', 'k,v\n4,d\n'), db, '--table', 't')
  expect(await meruOk('backup', db, backup)).toMatch(/: 2 files, 1 of them new, /)
  expect(await meruOk('verify', backup)).toMatch(/^2 files, .*, 4 rows: no damage/)
  expect(await meruOk('restore', backup, again)).toMatch(/again: 2 files, /)
  expect(await scanRows(again, 't')).toHaveLength(4)
  // Verifying and restoring leave it a backup.
  expect(await meruOk('backup', db, backup, '--quiet')).toBe('')
})

test('a restore notices damage, and copies go to empty directories only', async () => {
  const { db, directory } = await database()
  const [backup, again] = [join(directory, 'backup'), join(directory, 'again')]
  await meruOk('backup', db, backup)
  const taken = await meru(['checkpoint', db, directory])
  expect(taken).toMatchObject({ exitCode: 1 })
  expect(taken.stderr).toMatch(/name an empty or a new directory/)
  const data = join(backup, 'tables/t/data')
  const [name] = readdirSync(data)
  writeFileSync(join(data, name), new Uint8Array(statSync(join(data, name)).size))
  const damaged = await meru(['restore', backup, again])
  expect(damaged).toMatchObject({ exitCode: 1 })
  expect(damaged.stderr).toContain(name)
  const nothing = await meru(['backup', join(directory, 'none'), again])
  expect(nothing.stderr).toMatch(/there is no database/)
  expect(existsSync(join(directory, 'none'))).toBe(false)
})
