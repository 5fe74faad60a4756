import {
  CorruptionError,
  MeruError,
  type BytesVector,
  type ErrorCode,
  type SstMeta,
  type TableSchema,
} from '@meru/core'
import type { SstFile } from '@meru/manifest'
import type { SharedMemtable } from '@meru/memtable'
import type { SstLayout } from '@meru/sst'
import type { FlushOutput } from './flush.ts'
import type { DeadUpdate, MergeTask, RunTask } from './task.ts'

/** An SST as it crosses threads: the worker opens it itself. */
export interface SentFile {
  readonly file: SstFile
  readonly schema: TableSchema
}

/** What a worker is asked to do; it does one thing at a time. */
export type Request =
  | {
      readonly kind: 'flush'
      readonly id: string
      readonly path: string
      readonly schema: TableSchema
      readonly layout: SstLayout
      readonly memtable: SharedMemtable
    }
  | {
      readonly kind: 'merge'
      readonly table: string
      readonly inputs: readonly SentFile[]
      readonly schema: TableSchema
      readonly level: number
      readonly layout: SstLayout
      readonly fileBytesTarget: number
      readonly cuts?: MergeTask['cuts']
      readonly sharedKeys?: MergeTask['sharedKeys']
      readonly lineage?: MergeTask['lineage']
    }
  | ({ readonly kind: 'run' } & Omit<RunTask, 'parts'>)
  | {
      readonly kind: 'resolve'
      readonly table: string
      readonly keys: BytesVector
      readonly targets: readonly SentFile[]
      readonly puffinId: string
    }
  | {
      readonly kind: 'carryOver'
      readonly table: string
      readonly inputs: readonly { readonly before: SentFile; readonly now: SstFile | undefined }[]
      readonly outputs: readonly SentFile[]
      readonly puffinId: string
    }

/**
 * What a worker is told beside: to give up what it does, to close files that it keeps open, or the part that it
 * wanted, which is absent after the last.
 */
export type Notice =
  | { readonly kind: 'abort' }
  | { readonly kind: 'forget'; readonly fileIds: readonly string[] }
  | { readonly kind: 'part'; readonly memtable: SharedMemtable | undefined }

/** What a worker answers. The first kinds may come many times, the others end a job. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly rows: number }
  /** It has written the parts that it got, and wants the next. */
  | { readonly kind: 'wanted' }
  /** It makes this file. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'flushed'; readonly output: FlushOutput }
  | { readonly kind: 'merged'; readonly metas: readonly SstMeta[] }
  | { readonly kind: 'resolved'; readonly updates: readonly DeadUpdate[] }
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
