/** Thrown by every call after a planned crash, so that the script under test stops. */
export class CrashError extends Error {
  override readonly name = 'CrashError'

  constructor(call: string) {
    super(`planned crash at ${call}`)
  }
}

/** Whether an error is, or was caused by, a planned crash. */
export function isCrash(error: unknown): boolean {
  if (error instanceof CrashError) return true
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isCrash)
  return isCrash(error.cause)
}
