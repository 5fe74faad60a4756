import type { Engine } from './engine.ts'

/** Loads one engine; the others' native code stays out of the process. Throws `Unavailable` with the reason. */
export const ENGINES: Readonly<Record<string, () => Promise<Engine>>> = {
  meru: async () => (await import('./engines/meru.ts')).meru(),
  'classic-level': async () => (await import('./engines/classic-level.ts')).classicLevel(),
  rocksdb: async () => (await import('./engines/rocksdb.ts')).rocksdb(),
  lmdb: async () => (await import('./engines/lmdb.ts')).lmdb(),
  'node:sqlite': async () => (await import('./engines/sqlite.ts')).nodeSqlite(),
  'better-sqlite3': async () => (await import('./engines/sqlite.ts')).betterSqlite3(),
  duckdb: async () => (await import('./engines/duckdb.ts')).duckdb(),
}

/** Measured by a program of its own; see `merutable.ts`. */
export const MERUTABLE = 'merutable'

export const ENGINE_NAMES: readonly string[] = [...Object.keys(ENGINES), MERUTABLE]
