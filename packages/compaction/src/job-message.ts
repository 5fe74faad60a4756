import { CorruptionError, MeruError, type ErrorCode, type SstMeta, type TableSchema } from '@meru/core'
import type { SharedMemtable } from '@meru/memtable'
import type { SstLayout } from '@meru/sst'
import type { FlushOutput } from './flush.ts'
import type { MergeTask, RunTask } from './job-runner.ts'

/** An input of a merge as it crosses threads: the worker opens the file itself. */
export interface SentInput {
  readonly meta: SstMeta
  /** Where the file stands now; `meta` says what it was opened as. */
  readonly level: number
  /** The dead positions as a `deletion-vector-v1` blob; absent if there are none. */
  readonly dead: Uint8Array | undefined
}

/** What a worker is asked to do; it does one thing at a time. */
export type Request =
  | {
      readonly kind: 'flush'
      readonly root: string
      readonly id: string
      readonly path: string
      readonly schema: TableSchema
      readonly layout: SstLayout
      readonly memtable: SharedMemtable
    }
  | {
      readonly kind: 'merge'
      readonly root: string
      readonly inputs: readonly SentInput[]
      readonly schema: TableSchema
      readonly level: number
      readonly layout: SstLayout
      readonly fileBytesTarget: number
      readonly directory: string
      readonly sharedKeys?: MergeTask['sharedKeys']
    }
  | ({ readonly kind: 'run'; readonly root: string; readonly memtable: SharedMemtable } & Omit<
      RunTask,
      'memtable'
    >)
  | { readonly kind: 'abort' }

/** What a worker answers. `progress` may come many times, the others end a job. */
export type Answer =
  | { readonly kind: 'progress'; readonly rows: number }
  | { readonly kind: 'flushed'; readonly output: FlushOutput }
  | { readonly kind: 'merged'; readonly metas: readonly SstMeta[] }
  | { readonly kind: 'failed'; readonly error: SentError }

/** An error with the parts that a structured clone would lose. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: ErrorCode | undefined
  readonly file: string | undefined
  readonly offset: number | undefined
}

export function sendError(error: unknown): SentError {
  const given = error instanceof Error ? error : new Error(String(error))
  const { code, file, offset } = given as Partial<CorruptionError>
  const { name, message, stack } = given
  return { name, message, stack, code, file, offset }
}

/** The error that was sent: code and message are kept, the original is its cause. */
export function receiveError(sent: SentError): Error {
  const cause = new Error(sent.message)
  cause.name = sent.name
  if (sent.stack !== undefined) cause.stack = sent.stack
  if (sent.code === undefined) return cause
  if (sent.file === undefined) return new MeruError(sent.code, sent.message, { cause })
  const where = sent.offset === undefined ? { file: sent.file } : { file: sent.file, offset: sent.offset }
  const prefix = new CorruptionError(where, '').message
  const problem = sent.message.startsWith(prefix) ? sent.message.slice(prefix.length) : sent.message
  return new CorruptionError(where, problem, { cause })
}
