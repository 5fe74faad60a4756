import type { FileSystem } from '@meru/fs'

/** One file of the log. Segments of an epoch are numbered from 1; epochs follow one another. */
export interface SegmentId {
  readonly epoch: number
  readonly segment: number
}

/** A place in the log: an offset in a segment. */
export interface WalPosition extends SegmentId {
  readonly offset: number
}

/** The largest epoch and the largest segment number. */
export const NUMBER_MAX = 0xffff_ffff

const DIGITS = 10
const SEGMENT_NAME = /^(\d{10})-(\d{10})\.wal$/

/** `0000000003-0000000001.wal`: names sort as segments do. */
export function segmentName(id: SegmentId): string {
  checkNumber(id.epoch, 'epoch')
  checkNumber(id.segment, 'segment')
  return `${digits(id.epoch)}-${digits(id.segment)}.wal`
}

/** The segment that a file name stands for, or `undefined` for any other name. */
export function parseSegmentName(name: string): SegmentId | undefined {
  const match = SEGMENT_NAME.exec(name)
  if (match === null) return undefined
  const epoch = Number(match[1])
  const segment = Number(match[2])
  return isNumber(epoch) && isNumber(segment) ? { epoch, segment } : undefined
}

/** Negative if `a` comes before `b` in the log, 0 for the same segment. */
export function compareSegments(a: SegmentId, b: SegmentId): number {
  return a.epoch - b.epoch || a.segment - b.segment
}

/** The segments in a directory, oldest first; empty if there is no such directory. */
export async function listSegments(where: {
  readonly fs: FileSystem
  readonly directory: string
}): Promise<SegmentId[]> {
  const names = await where.fs.list(where.directory)
  return names
    .map(parseSegmentName)
    .filter((id) => id !== undefined)
    .sort(compareSegments)
}

/** A file of the log's directory as a path; the empty directory is the root. */
export function pathIn(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

function digits(value: number): string {
  return String(value).padStart(DIGITS, '0')
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= NUMBER_MAX
}

function checkNumber(value: number, what: string): void {
  if (!isNumber(value)) throw new TypeError(`${what} ${value}: expected an integer from 1 to ${NUMBER_MAX}`)
}
