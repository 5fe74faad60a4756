import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open } from '@meru/db'
import { expect, test } from 'vitest'
import { meruOk } from './command-line.ts'
import { scratchDirectory, scratchFile } from './scratch.ts'

const MAIN = join(import.meta.dirname, '../src/main.ts')

interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program itself. With `closeAfter` its reader goes away after so many bytes. */
async function program(argv: readonly string[], closeAfter = Number.POSITIVE_INFINITY): Promise<Finished> {
  const child = spawn(process.execPath, ['--conditions=@meru/source', MAIN, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    if (stdout.length >= closeAfter) child.stdout.destroy()
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { exitCode, stdout, stderr }
}

test('results go to stdout, messages to stderr, and the exit code tells', async () => {
  const db = join(scratchDirectory(), 'db')
  const path = scratchFile('a.csv', 'k,v\n1,a\n2,b\n')
  const imported = await program(['import', path, db, '--table', 't', '--key', 'k', '--json'])
  expect(imported).toMatchObject({ exitCode: 0, stderr: '' })
  expect(JSON.parse(imported.stdout)).toMatchObject({ rows: 2 })
  const absent = await program(['get', db, 't', '3'])
  expect(absent).toEqual({ exitCode: 4, stdout: '', stderr: 'meru: table "t" has no row with the key 3\n' })
  const wrong = await program(['scan', db, 't', '--frob'])
  expect(wrong).toMatchObject({ exitCode: 2, stdout: '' })
})

test('a database that another process holds is exit code 3', async () => {
  const db = join(scratchDirectory(), 'db')
  await using holder = await open(db)
  const result = await program(['tables', db])
  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
  expect(result.stderr).toMatch(/^meru: [^\n]+\nhint: close the program/)
  expect(holder.tableNames()).toEqual([])
})

test('a reader that goes away, as head does, ends a scan quietly', async () => {
  const db = join(scratchDirectory(), 'db')
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i},text of row ${i}`)
  await meruOk('import', scratchFile('a.csv', `k,v\n${rows.join('\n')}\n`), db, '--table', 't', '--key', 'k')
  const result = await program(['scan', db, 't', '--json'], 1000)
  expect(result).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await meruOk('scan', db, 't', '--count')).toBe('30000\n')
})

test('SIGINT stops an import, of which nothing stays in the database', async () => {
  const directory = scratchDirectory()
  const db = join(directory, 'db')
  await meruOk('import', scratchFile('b.csv', 'k\n1\n'), db, '--table', 'before', '--key', 'k')
  const rows = Array.from({ length: 150_000 }, (_, i) => `${i},text of row ${i}`)
  const path = scratchFile('a.csv', `k,v\n${rows.join('\n')}\n`)
  const argv = ['import', path, db, '--table', 't', '--key', 'k', '--sample', '100']
  const child = spawn(process.execPath, ['--conditions=@meru/source', MAIN, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  while (!existsSync(join(db, 'tables', 't'))) await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGINT')
  expect(await closed).toBe(130)
  expect(stderr).toBe('meru: interrupted\n')
  expect(JSON.parse(await meruOk('tables', db, '--json'))).toMatchObject([{ name: 'before', rows: 1 }])
})
