import type { Io } from '../src/io.ts'
import { run } from '../src/run.ts'

export interface Result {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CallOptions {
  readonly isTTY?: boolean
  readonly signal?: AbortSignal
}

/** Runs a command line in this process. */
export async function meru(argv: readonly string[], options: CallOptions = {}): Promise<Result> {
  const result = { exitCode: -1, stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr'): Io['stdout'] => ({
    isTTY: options.isTTY === true,
    columns: 80,
    write: (text) => {
      result[name] += text
      return Promise.resolve()
    },
  })
  result.exitCode = await run(argv, {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    signal: options.signal ?? new AbortController().signal,
    now: () => performance.now(),
  })
  return result
}

/** The same, for lines that must succeed. */
export async function meruOk(...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await meru(argv)
  if (exitCode !== 0) throw new Error(`meru ${argv.join(' ')}: exit code ${exitCode}: ${stderr}`)
  return stdout
}

/** The rows that a scan prints as JSON. */
export async function scanRows(...argv: string[]): Promise<Record<string, unknown>[]> {
  const text = await meruOk('scan', ...argv, '--json')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
