import type { SeqNo } from './entry.ts'

/**
 * What the caller should do, in one word. Codes are API: they change only in a major version.
 * Wrong arguments throw a `TypeError` without a code, because nobody should catch them.
 */
export type ErrorCode =
  | 'INVALID' // Fix the row, the schema or the setting; retrying cannot help.
  | 'CLOSED' // Open the database again.
  | 'LOCKED' // Another writer owns the directory.
  | 'FENCED' // Another writer took the directory over; this one must not go on.
  | 'CORRUPT' // Bytes on disk break the format. Restore or repair.
  | 'IO' // The file system failed; `cause` holds its error.
  | 'DISK_FULL' // Free some space; writes resume without reopening.
  | 'POISONED' // A sync failed earlier, so durability is unknown. Reopen to recover.
  | 'CONFLICT' // Another write came first, or the row is not the expected one. Read again, then retry.
  | 'TRIMMED' // The change feed no longer holds that seqno. Start from a snapshot.
  | 'UNSUPPORTED' // Written by a newer format version, or not available on this platform.

/** Every failure that a caller may want to tell apart. Test `error.code`, never `instanceof`. */
export class MeruError extends Error {
  override readonly name: string = 'MeruError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Bytes on disk that break the format: names the file and, where known, the byte offset. */
export class CorruptionError extends MeruError {
  override readonly name: string = 'CorruptionError'
  readonly file: string
  readonly offset: number | undefined

  constructor(where: { file: string; offset?: number }, problem: string, options?: ErrorOptions) {
    const at = where.offset === undefined ? '' : ` at byte ${where.offset}`
    super('CORRUPT', `${where.file}${at}: ${problem}`, options)
    this.file = where.file
    this.offset = where.offset
  }
}

/** Another write came first, or a row is not the one that a conditional write asked for. */
export class ConflictError extends MeruError {
  override readonly name: string = 'ConflictError'
  readonly table: string
  /** As the table takes it: the value itself for a key of one column, else an object. */
  readonly key: unknown
  /** The version of the row that is there; `undefined` if there is no row. */
  readonly version: SeqNo | undefined

  constructor(
    where: { readonly table: string; readonly key: unknown; readonly version: SeqNo | undefined },
    problem: string,
    options?: ErrorOptions,
  ) {
    super('CONFLICT', problem, options)
    this.table = where.table
    this.key = where.key
    this.version = where.version
  }
}
