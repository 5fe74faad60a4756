import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { demonstrate } from './demonstrate.ts'
import { Screen } from './screen.ts'

const HELP = `usage: pnpm demo [options]

Records this computer into a Meru database for some seconds, then reads the
files with DuckDB.

  --seconds N  how long to record; 10 without it
  --dir PATH   a new or empty directory for the database, which then stays
  --keep       keep the database in its temporary directory
  --help       print this help
`

/** Long recordings are for other programs. */
const SECONDS_MAX = 3600

interface Options {
  readonly seconds: number
  readonly dir: string | undefined
  readonly keep: boolean
}

function readOptions(argv: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    // pnpm hands on the "--" that separates its own options.
    args: argv.filter((argument) => argument !== '--'),
    options: {
      seconds: { type: 'string', default: '10' },
      dir: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const seconds = Number(values.seconds)
  if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
    throw new TypeError(`--seconds: "${values.seconds}" is not a number up to ${SECONDS_MAX}`)
  }
  return { seconds, dir: values.dir, keep: values.keep }
}

async function makeDirectory(dir: string | undefined): Promise<string> {
  if (dir === undefined) return await mkdtemp(join(tmpdir(), 'meru-demo-'))
  const names = await readdir(dir).catch(() => [])
  if (names.length > 0) throw new TypeError(`--dir: ${dir} is not empty; name a new or an empty directory`)
  return resolve(dir)
}

async function main(argv: readonly string[]): Promise<number> {
  let options: Options | 'help'
  let path: string
  try {
    options = readOptions(argv)
    if (options === 'help') {
      process.stdout.write(HELP)
      return 0
    }
    path = await makeDirectory(options.dir)
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\n"pnpm demo --help" lists the options\n`,
    )
    return 2
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  // Nobody reads any more, as under head.
  process.stdout.on('error', () => stop.abort())
  const screen = new Screen(process.stdout, process.env)
  const isKept = options.keep || options.dir !== undefined
  try {
    return await demonstrate({ path, seconds: options.seconds, signal: stop.signal, screen })
  } catch (error) {
    if (stop.signal.aborted) {
      screen.line('interrupted')
      return 130
    }
    screen.verdict(error instanceof Error ? (error.stack ?? error.message) : String(error), { isGood: false })
    return 1
  } finally {
    if (isKept) screen.line(`The database is in ${path}`)
    else await rm(path, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
