import { pythonProgram, preparePython, READ_TABLES } from '@meru/testkit/interop'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, HOME, programReader, run, type Reader, type ReaderSource } from './reader.ts'
import { trino } from './trino.ts'

const ICEBERG_JAVA = '1.10.1'
const SPARK_RUNTIME = `iceberg-spark-runtime-4.0_2.13-${ICEBERG_JAVA}.jar`
/** It takes a second for each, where others take hundredths. */
const SPARK_CONDITIONS = 40

/** The quickest to make ready come first. */
export const READERS: readonly ReaderSource[] = [
  { name: 'pyiceberg', prepare: () => python('pyiceberg') },
  { name: 'DuckDB iceberg', prepare: () => python('duckdb') },
  { name: 'icebird', prepare: icebird },
  { name: 'iceberg-core (Java)', prepare: java },
  { name: 'iceberg-go', prepare: go },
  { name: 'Spark', prepare: spark },
  { name: 'iceberg (Rust)', prepare: rust },
  { name: 'Trino', prepare: trino },
]

async function python(reader: 'pyiceberg' | 'duckdb'): Promise<Reader> {
  const problem = await preparePython(reader)
  if (problem !== undefined) throw new Error(problem)
  const packages = { pyiceberg: 'pyiceberg', duckdb: 'duckdb_ext_iceberg' }
  const version = await packageVersion(packages[reader])
  const name = reader === 'duckdb' ? 'DuckDB iceberg' : reader
  const abilities = reader === 'duckdb' ? (['filters', 'aggregate'] as const) : (['filters', 'tags'] as const)
  return withReaderName(programReader({ name, version, abilities }, pythonProgram(), [READ_TABLES]), reader)
}

/** The Python program knows several readers; each request names one. */
function withReaderName(reader: Reader, name: string): Reader {
  return { ...reader, read: (requests) => reader.read(requests.map((each) => ({ ...each, reader: name }))) }
}

async function packageVersion(name: string): Promise<string> {
  const code = `import importlib.metadata as m; print(m.version(${JSON.stringify(name)}))`
  return (await run(pythonProgram(), ['-c', code])).trim()
}

/** The class path of the Java library, which Maven fetches. */
export async function javaClassPath(): Promise<string> {
  // What is in the cache may be of a time when there was a Java.
  await run('java', ['-version'])
  const file = join(CACHE, 'java-classpath.txt')
  const pom = join(HOME, 'java', 'pom.xml')
  const mark = join(CACHE, 'java-pom.xml')
  const isKnown = existsSync(file) && existsSync(mark) && sameText(pom, mark)
  if (!isKnown) {
    const goal = `dependency:build-classpath`
    await run('mvn', ['-q', '-B', '-f', pom, goal, `-Dmdep.outputFile=${file}`], { timeoutMs: 300_000 })
    copyFileSync(pom, mark)
  }
  return readFileSync(file, 'utf8').trim()
}

async function java(): Promise<Reader> {
  const classPath = await javaClassPath()
  const args = ['-Xmx1g', '-cp', classPath, join(HOME, 'java', 'ReadTables.java')]
  const abilities = ['filters', 'appends', 'metadata', 'lineage', 'tags'] as const
  return programReader({ name: 'iceberg-core (Java)', version: ICEBERG_JAVA, abilities }, 'java', args)
}

/** The path of Iceberg's runtime for Spark. Throws where Spark cannot be had. */
export async function sparkRuntime(): Promise<string> {
  const problem = await preparePython('spark')
  if (problem !== undefined) throw new Error(problem)
  const repository = join(CACHE, 'maven')
  const jar = join(CACHE, SPARK_RUNTIME)
  if (!existsSync(jar)) {
    const artifact = `org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:${ICEBERG_JAVA}`
    const copy = ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${CACHE}`]
    await run('mvn', ['-q', '-B', `-Dmaven.repo.local=${repository}`, ...copy], { timeoutMs: 300_000 })
  }
  return jar
}

async function spark(): Promise<Reader> {
  const jar = await sparkRuntime()
  const version = `${await packageVersion('pyspark')} with ${ICEBERG_JAVA}`
  const env = { MERU_SPARK_JAR: jar, TZ: 'UTC' }
  const abilities = ['filters', 'aggregate', 'appends', 'lineage', 'tags', 'noTimes'] as const
  const about = { name: 'Spark', version, abilities, conditionsMax: SPARK_CONDITIONS }
  const reader = programReader(about, pythonProgram(), [READ_TABLES], { env })
  return withReaderName(reader, 'spark')
}

/** Where Rust puts what it builds. */
export function rustTarget(): string {
  return process.env['CARGO_TARGET_DIR'] ?? join(CACHE, 'rust')
}

async function rust(): Promise<Reader> {
  const manifest = join(HOME, 'rust', 'Cargo.toml')
  const target = rustTarget()
  const build = ['build', '--release', '--locked', '--quiet', '--manifest-path', manifest]
  await run('cargo', build, { env: { CARGO_TARGET_DIR: target }, timeoutMs: 3_000_000 })
  const lock = readFileSync(join(HOME, 'rust', 'Cargo.lock'), 'utf8')
  const version = /name = "iceberg"\nversion = "([^"]+)"/.exec(lock)?.[1] ?? ''
  return programReader(
    { name: 'iceberg (Rust)', version, abilities: ['filters', 'tags'] },
    join(target, 'release', 'read-tables'),
    [],
  )
}

async function go(): Promise<Reader> {
  const program = join(CACHE, 'read-tables-go')
  const cwd = join(HOME, 'go')
  await run('go', ['build', '-o', program, '.'], { cwd, timeoutMs: 1_200_000 })
  const modules = readFileSync(join(cwd, 'go.mod'), 'utf8')
  const version = /apache\/iceberg-go v(\S+)/.exec(modules)?.[1] ?? ''
  return programReader({ name: 'iceberg-go', version, abilities: ['filters', 'tags'] }, program, [])
}

async function icebird(): Promise<Reader> {
  const file = new URL('../package.json', import.meta.resolve('icebird'))
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  const program = join(HOME, 'src', 'icebird-program.ts')
  const about = { name: 'icebird', version, abilities: [], unread: ['payload', 'instant'] }
  return programReader(about, process.execPath, ['--conditions=@meru/source', program])
}

function sameText(a: string, b: string): boolean {
  return readFileSync(a, 'utf8') === readFileSync(b, 'utf8')
}
