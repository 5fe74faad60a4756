// The programs for other engines on the page about the export, run as they stand against the table of the page: each
// prints what its comments say. The table's path and what is fetched from a registry are put in; an engine that this
// machine cannot have is a line that says why.
import { preparePython, pythonProgram } from '@meru/testkit/interop'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CACHE, endAfter, HOME, run } from './reader.ts'
import { javaClassPath, rustTarget, sparkRuntime } from './readers.ts'

const PAGE = join(HOME, '..', 'docs', 'guide', 'iceberg-export.md')
/** Where the database of the page is. */
const PLACE = '/srv/shop'

interface Program {
  readonly language: string
  readonly engine: string
  readonly code: string
  /** Lines that it says it prints, in no order. */
  readonly output: readonly string[]
}

const { values } = parseArgs({
  options: { engines: { type: 'string', default: '' }, minutes: { type: 'string', default: '30' } },
})
endAfter(Number(values.minutes))
const page = readFileSync(PAGE, 'utf8')
const root = mkdtempSync(join(tmpdir(), 'meru-guide-'))
await publish()
const programs = programsOf(page)
let wrong = programs.length === 0 ? 1 : 0
for (const program of programs) {
  if (values.engines !== '' && !values.engines.split(',').includes(program.engine)) continue
  const result = await tryProgram(program)
  console.log(`${program.engine}: ${result.text}`)
  if (!result.isRight) wrong++
}
rmSync(root, { recursive: true, force: true })
if (wrong > 0) process.exitCode = 1

/** Runs the first program of the page, which makes and exports the table. */
async function publish(): Promise<void> {
  const first = /^```ts\n([\s\S]*?)^```$/m.exec(page)?.[1]
  if (first === undefined) throw new Error(`${PAGE} has no program in TypeScript`)
  const file = join(CACHE, 'guide.mjs')
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(file, first)
  const preload = new URL('../../scripts/source.js', import.meta.url).href
  await run(process.execPath, ['--conditions=@meru/source', '--import', preload, file], { cwd: root })
}

/** The blocks whose first line names a language and an engine, as in "```python pyiceberg". */
function programsOf(text: string): Program[] {
  return [...text.matchAll(/^```(\w+) (\w+)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, language, engine, code]): Program[] => {
      if (language === 'ts') return []
      const output = [...code.matchAll(/(?:#|--|\/\/) → (.*)$/gm)].map(([, line]) => line.trimEnd())
      return [{ language, engine, code: code.replaceAll(PLACE, join(root, 'shop')), output }]
    },
  )
}

async function tryProgram(program: Program): Promise<{ isRight: boolean; text: string }> {
  let start: () => Promise<string>
  try {
    start = await prepare(program)
  } catch (error) {
    return { isRight: true, text: `left out: ${messageOf(error)}` }
  }
  const wanted = program.output.toSorted().join(' | ')
  try {
    const found = (await start()).trim().split('\n').toSorted().join(' | ')
    const isRight = wanted !== '' && found === wanted
    return { isRight, text: isRight ? 'prints what the page says' : `prints ${found}, ${wanted} wanted` }
  } catch (error) {
    const text = messageOf(error)
    // The limit of time is the caller's, no fault of the program.
    const isLate = /no time was left|stopped after/.test(text)
    return { isRight: isLate, text: isLate ? `left out: ${text}` : text }
  }
}

/** Makes an engine ready. Throws where it cannot be had. */
async function prepare({ engine, code }: Program): Promise<() => Promise<string>> {
  switch (engine) {
    case 'pyiceberg':
      await needPython('pyiceberg')
      return () => python(code)
    case 'duckdb':
      await needPython('duckdb')
      return () => python(duckdbProgram(code))
    case 'spark': {
      const jar = await sparkRuntime()
      // The page has Spark fetch it.
      const local = code.replace(/"spark\.jars\.packages", "[^"]*"/, `"spark.jars", ${JSON.stringify(jar)}`)
      return () => python(local)
    }
    case 'java': {
      const classPath = await javaClassPath()
      const file = join(root, 'ReadOrders.java')
      writeFileSync(file, code)
      return () => run('java', ['-cp', classPath, file])
    }
    case 'go':
      return await prepareGo(code)
    case 'rust':
      return await prepareRust(code)
    default:
      throw new Error(`nothing runs programs for ${engine}`)
  }
}

async function needPython(reader: 'pyiceberg' | 'duckdb'): Promise<void> {
  const problem = await preparePython(reader)
  if (problem !== undefined) throw new Error(problem)
}

function python(code: string): Promise<string> {
  return run(pythonProgram(), ['-c', code])
}

/** The extension comes from a package, not from DuckDB's server. */
function duckdbProgram(sql: string): string {
  const query = sql
    .split('\n')
    .filter((line) => !/^(INSTALL|LOAD|-- →)/.test(line))
    .join('\n')
  return [
    'import duckdb, duckdb_ext, glob',
    'con = duckdb.connect()',
    'for name in ("avro", "iceberg"):',
    '    folder = list(duckdb_ext.__path__)[0] + "/extensions/*/*/"',
    '    con.execute("LOAD \'" + glob.glob(folder + name + ".duckdb_extension")[0] + "\'")',
    `for row in con.execute(${JSON.stringify(query)}).fetchall():`,
    '    print(*row)',
  ].join('\n')
}

async function prepareGo(code: string): Promise<() => Promise<string>> {
  const cwd = join(root, 'go')
  mkdirSync(cwd)
  for (const name of ['go.mod', 'go.sum']) copyFileSync(join(HOME, 'go', name), join(cwd, name))
  writeFileSync(join(cwd, 'main.go'), code)
  await run('go', ['version'], { cwd })
  return () => run('go', ['run', '.'], { cwd, timeoutMs: 1_200_000 })
}

async function prepareRust(code: string): Promise<() => Promise<string>> {
  const cwd = join(root, 'rust')
  mkdirSync(join(cwd, 'src'), { recursive: true })
  for (const name of ['Cargo.toml', 'Cargo.lock']) {
    const text = readFileSync(join(HOME, 'rust', name), 'utf8')
    writeFileSync(join(cwd, name), text.replace('name = "read-tables"', 'name = "read-orders"'))
  }
  writeFileSync(join(cwd, 'src', 'main.rs'), code)
  await run('cargo', ['--version'], { cwd })
  const env = { CARGO_TARGET_DIR: rustTarget() }
  return () => run('cargo', ['run', '--release', '--quiet'], { cwd, env, timeoutMs: 3_000_000 })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
