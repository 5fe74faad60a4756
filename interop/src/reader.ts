import { runProgram, type RunOptions as ProgramOptions } from '@meru/testkit/interop'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export type TextRow = Readonly<Record<string, string | null>>

export interface Request {
  /** Directory of the table. */
  readonly table: string
  /** Path of a metadata file. */
  readonly metadata: string
  /** The current one without it. */
  readonly snapshot?: number
  /** The name of a snapshot, in place of its id. */
  readonly tag?: string
  /** With the ids of rows and the sequence numbers of their last changes, as columns `_row_id` and `_last_updated_sequence_number`. */
  readonly lineage?: boolean
  /** Instead of all rows, those that were appended after this snapshot. */
  readonly after?: number
  /** Instead of the rows, the ids of those that meet each condition. */
  readonly filters?: readonly FilterRequest[]
  /** Instead of the rows, how many there are, and the least and the greatest value of these columns. */
  readonly aggregate?: readonly string[]
}

export interface FilterRequest {
  readonly column: string
  readonly type: string
  readonly operator: string
  readonly values: readonly string[]
}

export type Answer = { readonly error: string } | Rows | Matches | Aggregate

export interface Rows {
  readonly rows: readonly TextRow[]
  /** How the metadata differs from what the reader would write; where it can write some. */
  readonly metadata?: string | null
}

export interface Matches {
  /** Ids in ascending order, or what went wrong. */
  readonly matches: readonly (readonly number[] | string)[]
  /** Files that were planned to be read, over all conditions. */
  readonly files?: number
}

export interface Aggregate {
  readonly aggregate: Readonly<Record<string, number | readonly [string | null, string | null]>>
}

/** What not every reader is asked, or can do. `noTimes`: it has no times of day. */
export type Ability = 'filters' | 'aggregate' | 'appends' | 'metadata' | 'lineage' | 'tags' | 'noTimes'

/** Another implementation of Iceberg, made ready on this machine. */
export interface Reader {
  readonly name: string
  readonly version: string
  readonly abilities: readonly Ability[]
  /** Conditions that it is asked for at most, evenly chosen; it is slow. */
  readonly conditionsMax?: number
  /** Names of columns whose values it does not tell. */
  readonly unread?: readonly string[]
  /** Answers in the order of the requests. */
  readonly read: (requests: readonly Request[]) => Promise<Answer[]>
}

/** How to come by a reader; `prepare` throws where this machine cannot have it, or where it is large and not `isAsked` for. */
export interface ReaderSource {
  readonly name: string
  readonly prepare: (isAsked: boolean) => Promise<Reader>
}

/** Where this package is, and what it keeps from run to run. */
export const HOME: string = join(import.meta.dirname, '..')
export const CACHE: string = join(HOME, 'node_modules', '.cache')

/** `timeoutMs` is ten minutes without it. */
export type RunOptions = Partial<ProgramOptions>

const RUN_TIMEOUT_MS = 600_000

let deadline = Infinity

/** From then on no program is started or goes on. */
export function endAfter(minutes: number): void {
  deadline = performance.now() + minutes * 60_000
}

/** Runs a program to its end. The error has the last line of what it complained of. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  mkdirSync(CACHE, { recursive: true })
  const left = deadline - performance.now()
  if (left <= 0) throw new Error('no time was left for it')
  const timeoutMs = Math.min(options.timeoutMs ?? RUN_TIMEOUT_MS, left)
  return await runProgram(program, args, { cwd: HOME, ...options, timeoutMs })
}

/** A reader that is a program of its own: requests on its input, answers on its output, both as JSON. */
export function programReader(
  about: Omit<Reader, 'read'>,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Reader {
  const read = async (requests: readonly Request[]): Promise<Answer[]> => {
    const output = await run(program, args, { ...options, input: JSON.stringify(requests) })
    const answers = JSON.parse(output.slice(output.indexOf('['))) as (Answer & { error?: string })[]
    return answers.map((answer) => (answer.error === undefined ? answer : { error: answer.error }))
  }
  return { ...about, read }
}
