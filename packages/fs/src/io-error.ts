import { MeruError } from '@meru/core'

/** The error of a failed file-system call: `DISK_FULL` where space ran out, else `IO`. Keeps its cause. */
export function ioError(operation: string, path: string, cause: unknown): MeruError {
  const call = `${operation} ${path === '' ? '(root)' : path}`
  const errno = errnoOf(cause)
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new MeruError('DISK_FULL', `${call}: no space left (${errno}); free some and try again`, { cause })
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  const advice =
    errno === 'EMFILE' || errno === 'ENFILE' ? '; raise the limit of open files, or open fewer' : ''
  return new MeruError('IO', `${call}: ${reason}${advice}`, { cause })
}

/** An error as the operating system would report it, for file systems that are not one. */
export function errnoError(errno: string, reason: string): Error & { readonly code: string } {
  return Object.assign(new Error(`${errno}: ${reason}`), { code: errno })
}

/** The system's name of a failure (`ENOENT`), from the error itself or from the cause of a `MeruError`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof MeruError) return errnoOf(error.cause)
  const code: unknown = 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Whether a call failed because the name is taken. */
export function isExists(error: unknown): boolean {
  return errnoOf(error) === 'EEXIST'
}
