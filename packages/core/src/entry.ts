/** What an entry says of its key. The numbers are part of the log format. */
export const KIND_PUT = 0
export const KIND_DELETE = 1
export type EntryKind = typeof KIND_PUT | typeof KIND_DELETE

/**
 * The order of a committed write: a safe integer from 1 up. Below 2^53, so a double holds it; on disk
 * it takes 8 bytes.
 */
export type SeqNo = number

/** Longest encoded primary key, in bytes. Longer keys are refused on write. */
export const KEY_BYTES_MAX = 65_535

/** Longest encoded value (all columns but the key), in bytes. Longer rows are refused on write. */
export const VALUE_BYTES_MAX: number = 512 * 1024 * 1024
