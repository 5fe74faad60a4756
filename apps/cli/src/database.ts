import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { open, type Database, type Table } from '@meru/db'
import { codeOf, Failure } from './failure.ts'
import { definitionOf, type Row } from './import/plan.ts'
import type { Io } from './io.ts'

/** Every database has this directory from its first moment on; see docs/architecture.md. */
const MANIFEST_DIRECTORY = 'manifest'

export type DirectoryState = 'database' | 'empty' | 'absent'

/** What is at a path. Throws if it is something that must not become a database. */
export async function inspectDirectory(path: string): Promise<DirectoryState> {
  const stats = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (stats === undefined) return 'absent'
  if (!stats.isDirectory()) throw new Failure(`${path} is a file, not the directory of a database`)
  const names = await readdir(path)
  if (names.includes(MANIFEST_DIRECTORY) && (await stat(join(path, MANIFEST_DIRECTORY))).isDirectory()) {
    return 'database'
  }
  if (names.length === 0) return 'empty'
  throw new Failure(`${path} holds other files and is not a database`, {
    hint: 'name a new or an empty directory',
  })
}

/** Takes back a database without tables that this process made and has closed. */
export async function removeDatabase(path: string): Promise<void> {
  for (const name of ['epoch', MANIFEST_DIRECTORY, 'wal', 'tables']) {
    await rm(join(path, name), { recursive: true, force: true })
  }
  // Stays if something else is in it.
  await rmdir(path).catch(() => undefined)
}

/** Throws if there is no database; reading commands never make one. */
export async function checkDatabase(path: string): Promise<void> {
  if ((await inspectDirectory(path)) === 'database') return
  throw new Failure(`there is no database at ${path}`, { hint: '"meru import" makes one from a file' })
}

/** Runs `use` with the open database and closes it, whatever happens. */
export async function withDatabase<T>(
  path: string,
  io: Io,
  use: (database: Database) => Promise<T>,
): Promise<T> {
  await checkDatabase(path)
  const database = await open(path)
  try {
    await reportRecovery(database, io)
    return await use(database)
  } finally {
    await database.close()
  }
}

/** A half-written end of the log is normal after a crash, and worth a word. */
export async function reportRecovery({ recovery }: Database, io: Io): Promise<void> {
  if (recovery.rows === 0 && recovery.tornTail === undefined) return
  const torn = recovery.tornTail
  const cut = torn === undefined ? '' : `; cut ${torn.bytes} unacknowledged bytes from ${torn.file}`
  await io.stderr.write(`recovered ${recovery.rows} rows from the log${cut}\n`)
}

/** A stored table, with its timestamps as exact microseconds. */
export async function openStored(database: Database, name: string): Promise<Table<Row, Row>> {
  const stored = await database.storedTable(name)
  if (stored === undefined) {
    const names = database.tableNames()
    const hint = names.length === 0 ? 'the database has no tables' : `there are ${names.join(', ')}`
    throw new Failure(`there is no table "${name}" in ${database.path}`, { hint })
  }
  return await database.table(definitionOf(name, stored.schema))
}
