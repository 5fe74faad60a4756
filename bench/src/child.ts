import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus } from 'node:os'

const PIN_MS = 50
const CALLER_CORE = 0
const OTHER_CORE = 1

/** Why threads are not bound to cores here, or nothing. */
export function pinningFault(): string | undefined {
  if (cpus().length <= OTHER_CORE) return `there is ${cpus().length} core, two are needed`
  if (process.platform !== 'linux') return `${process.platform} has no taskset`
  const { error, status } = spawnSync('taskset', ['--version'])
  return error === undefined && status === 0 ? undefined : 'there is no taskset'
}

export interface Child {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Runs a program and gives what it printed as JSON. Its main thread has one core for itself, all other threads
 * share the next: so the background work of every engine is treated alike.
 */
export async function runChild({ program, args, env }: Child): Promise<unknown> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const pinned = pinningFault() === undefined ? setInterval(pinner(child.pid), PIN_MS) : undefined
  try {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject).on('close', resolve)
    })
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
    return JSON.parse(output) as unknown
  } finally {
    clearInterval(pinned)
  }
}

/** Runs a script of this folder under the packages as this process has them: built, or their sources in tests; with `profile` each thread leaves one. */
export function runScript(
  script: string,
  args: readonly string[],
  profile?: { readonly directory: string; readonly intervalMicros: number },
): Promise<unknown> {
  const path = new URL(script, import.meta.url).pathname
  const conditions = process.execArgv.filter((arg) => arg.startsWith('--conditions='))
  const profiling =
    profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${profile.directory}`, `--cpu-prof-interval=${profile.intervalMicros}`]
  return runChild({
    program: process.execPath,
    args: [...conditions, '--no-warnings', '--expose-gc', ...profiling, path, ...args],
    env: profile === undefined ? {} : { MERU_BENCH_SPANS: '1' },
  })
}

/** Binds threads that are new since the last call; those that have ended meanwhile do not matter. */
function pinner(pid: number | undefined): () => void {
  const known = new Set<string>()
  return () => {
    let threads: string[] = []
    try {
      threads = readdirSync(`/proc/${pid}/task`)
    } catch {
      return
    }
    for (const thread of threads) {
      if (known.has(thread)) continue
      known.add(thread)
      const core = Number(thread) === pid ? CALLER_CORE : OTHER_CORE
      spawnSync('taskset', ['-p', '-c', String(core), thread], { stdio: 'ignore' })
    }
  }
}
