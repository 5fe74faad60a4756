import type { SstFile } from '@meru/manifest'

/** What decides which files are due. */
export interface LevelSettings {
  /** Files at level 0 that make a compaction due. */
  readonly l0CompactionFiles: number
  /** The lowest files are written anew when the rows above them, times this, are as many as theirs. */
  readonly levelRatio: number
  /** A file whose dead rows exceed this share of its rows is rewritten. */
  readonly deadFractionMax: number
}

/** The lowest level. */
export const LEVEL_MAX = 6

/** The share of dead rows in a file. */
export function deadFraction(file: SstFile): number {
  return (file.dead?.cardinality ?? 0) / file.rows
}

export function rowsOf(files: readonly SstFile[]): number {
  return files.reduce((sum, file) => sum + file.rows, 0)
}

/** Rows of the files that are not dead. */
export function liveRows(files: readonly SstFile[]): number {
  return rowsOf(files) - files.reduce((sum, file) => sum + (file.dead?.cardinality ?? 0), 0)
}

export function bytesOf(files: readonly SstFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0)
}
