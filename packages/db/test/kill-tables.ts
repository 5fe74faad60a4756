import { t, table, type Settings, type TableDefinition } from '../src/index.ts'

/** What a writer of the killed process writes: its counter, and how far it had seen every writer then. */
export interface Mark {
  writer: number
  n: number
  seen: string
}

type Marks<Name extends string> = TableDefinition<Name, Mark, Mark, Pick<Mark, 'writer' | 'n'>>

const columns = { writer: t.int(), n: t.int(), seen: t.string() } as const

export const left: Marks<'left'> = table('left', columns, { key: ['writer', 'n'] })
export const right: Marks<'right'> = table('right', columns, { key: ['writer', 'n'] })

/** Puts one row and waits until it is durable. */
export const SINGLE: readonly number[] = [0, 1]
/** Puts rows that are buffered, and waits for every `BURST`th to be durable. */
export const BUFFERED: readonly number[] = [2]
/** Puts a row into both tables, and deletes the row `WINDOW` before it from both, in one batch. */
export const PAIRED: readonly number[] = [3, 4]
export const WRITERS: readonly number[] = [...SINGLE, ...BUFFERED, ...PAIRED]
export const BURST = 10
export const WINDOW = 40

/** So small that a tenth of a second sees flushes, compactions and new log segments. */
export const SETTINGS: Partial<Settings> = {
  memtableBytesMax: 16 * 1024,
  inlineFlushBytes: 8 * 1024,
  walSegmentBytes: 64 * 1024,
  l0CompactionFiles: 3,
  fileBytesTarget: 64 * 1024,
  levelRatio: 4,
  manifestEditsPerState: 7,
  icebergSnapshotsKept: 3,
}
