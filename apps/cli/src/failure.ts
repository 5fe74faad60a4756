/** What `meru` returns to the shell. */
export const EXIT = {
  ok: 0,
  /** The work could not be done, or `verify` found damage. */
  failed: 1,
  /** The command line is wrong; nothing was touched. */
  usage: 2,
  /** Another process has the database open. */
  locked: 3,
  /** `get` found no row with that key. */
  absent: 4,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure that is explained: one line for what is wrong, one for the way out. */
export class Failure extends Error {
  override readonly name: string = 'Failure'
  readonly exitCode: ExitCode
  readonly hint: string | undefined

  constructor(message: string, options: { exitCode?: ExitCode; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode ?? EXIT.failed
    this.hint = options.hint
  }
}

/** A command line that cannot be meant. */
export function usageFailure(message: string, hint?: string): Failure {
  return new Failure(message, { exitCode: EXIT.usage, ...(hint === undefined ? {} : { hint }) })
}

interface Explanation {
  readonly message: string
  readonly hint?: string
  readonly exitCode: ExitCode
}

const HINTS: Readonly<Record<string, string>> = {
  LOCKED: 'close the program that has the database open, then try again',
  FENCED: 'another process took the database over while this one had it open',
  CORRUPT: 'run "meru verify" to list the damage; restore the file from a copy',
  DISK_FULL: 'free some space, then run the same command again',
  POISONED: 'a write to disk failed; check the disk, then run the same command again',
  UNSUPPORTED: 'the database was written by a newer version, or needs something this platform lacks',
}

const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
}

/** Any error as one line and a way out; the exit code tells apart what a script would treat differently. */
export function explain(error: unknown): Explanation {
  if (error instanceof Failure) {
    const { message, hint, exitCode } = error
    return { message: oneLine(message), exitCode, ...(hint === undefined ? {} : { hint }) }
  }
  if (!(error instanceof Error)) return { message: oneLine(String(error)), exitCode: EXIT.failed }
  if (error.name === 'AbortError') return { message: 'interrupted', exitCode: EXIT.interrupted }
  const code = codeOf(error)
  if (code !== undefined && code in SYSTEM) {
    const path: unknown = Reflect.get(error, 'path')
    const where = typeof path === 'string' ? `${path}: ` : ''
    return { message: `${where}${SYSTEM[code]}`, exitCode: EXIT.failed }
  }
  const exitCode = code === 'LOCKED' || code === 'FENCED' ? EXIT.locked : EXIT.failed
  const hint = code === undefined ? undefined : HINTS[code]
  return { message: oneLine(error.message), exitCode, ...(hint === undefined ? {} : { hint }) }
}

/** The `code` of a system or Meru error. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? code : undefined
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim()
}
