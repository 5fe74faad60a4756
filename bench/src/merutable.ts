import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child.ts'
import type { EngineRun } from './results.ts'
import { MERUTABLE } from './engine-list.ts'
import { rowOf } from './rows.ts'
import type { Scale } from './subject.ts'

const PROJECT = new URL('../merutable/', import.meta.url).pathname
/** The build takes minutes; cargo's own variable lets it be kept elsewhere. */
const TARGET =
  process.env['CARGO_TARGET_DIR'] ?? new URL('../node_modules/.cache/merutable/', import.meta.url).pathname
const PROGRAM = join(TARGET, 'release', 'merutable-driver')

/** Measures the Rust engine by its own driver, which is built if `cargo` is there. */
export async function runMerutable(scale: Scale): Promise<EngineRun> {
  const fault = buildDriver()
  if (fault !== undefined) return { engine: MERUTABLE, skipped: fault }
  const args = [String(scale.rows), String(scale.budgetMs)]
  const run = (await runChild({ program: PROGRAM, args })) as EngineRun & { readonly proof: number }
  if (run.proof !== proofOfRows()) throw new Error('the driver makes other rows than the benchmark')
  return run
}

/** Whether the driver is there without building it. */
export function isDriverBuilt(): boolean {
  return existsSync(PROGRAM)
}

let buildFault: string | undefined
let isBuilt = false

/** Builds the driver once in this process; gives why it cannot be built, or nothing. */
function buildDriver(): string | undefined {
  if (isBuilt) return buildFault
  isBuilt = true
  buildFault = build()
  return buildFault
}

function build(): string | undefined {
  if (spawnSync('cargo', ['--version']).status !== 0) return 'there is no cargo'
  const fetched = cargo(['fetch'], {})
  if (fetched !== undefined) return fetched
  const compiler = vendoredCompiler()
  if (compiler === undefined) return 'the crate protoc-bin-vendored holds no compiler for this machine'
  return cargo(['build', '--release'], { PROTOC: compiler })
}

function cargo(args: readonly string[], env: Record<string, string>): string | undefined {
  const options = {
    cwd: PROJECT,
    env: { ...process.env, CARGO_TARGET_DIR: TARGET, ...env },
    encoding: 'utf8',
  } as const
  const { status, stderr } = spawnSync('cargo', args, options)
  return status === 0
    ? undefined
    : `cargo ${args[0]} ended with ${status}: ${stderr.trim().split('\n').at(-1)}`
}

/** merutable's build script runs a protobuf compiler; a crate brings one along. */
function vendoredCompiler(): string | undefined {
  const machine = `linux-${process.arch === 'x64' ? 'x86_64' : 'aarch_64'}`
  const sources = join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'registry', 'src')
  for (const index of readdirSync(sources)) {
    for (const crate of readdirSync(join(sources, index))) {
      const program = join(sources, index, crate, 'bin', 'protoc')
      if (!crate.startsWith(`protoc-bin-vendored-${machine}-`) || !existsSync(program)) continue
      chmodSync(program, 0o755)
      return program
    }
  }
  return undefined
}

const PROOF_ROWS = 1000
const REVISIONS = 3
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** One number for the first rows: the driver prints the same if it makes the same ones. */
function proofOfRows(): number {
  let hash = FNV_BASIS
  for (let n = 0; n < PROOF_ROWS; n++) {
    const { id, user, score, payload } = rowOf(n, n % REVISIONS)
    for (const byte of Buffer.from(`${id}|${user}|${score}|${payload}`))
      hash = Math.imul(hash ^ byte, FNV_PRIME)
  }
  return hash >>> 0
}
