import { execFile } from 'node:child_process'

export interface RunOptions {
  readonly cwd?: string
  /** For its standard input, which is empty without it. */
  readonly input?: string
  readonly timeoutMs: number
  readonly env?: Readonly<Record<string, string>>
}

/** In bytes. */
const OUTPUT_MAX = 1 << 29

/**
 * Runs a program to its end, and answers what it printed. A program may end before it has read its input: its
 * exit status alone tells whether that is a failure. The error has the last line of what it complained of.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { cwd, input = '', timeoutMs } = options
  const env = { ...process.env, ...options.env }
  const limits = { timeout: Math.ceil(timeoutMs), maxBuffer: OUTPUT_MAX }
  return await new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd, env, ...limits }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const reason = stderr.trim().split('\n').at(-1) ?? ''
      const killed = error.killed === true ? `stopped after ${Math.round(timeoutMs / 1000)} s` : ''
      reject(new Error(`${program}: ${killed || reason || error.message}`, { cause: error }))
    })
    // A pipe whose reader has ended fails even for no bytes at all.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
