import {
  compareBytes,
  CorruptionError,
  inOnePartition,
  partitionEnd,
  type SstMeta,
  type TableSchema,
} from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { sliceBatch, SstWriter, type SstLayout } from '@meru/sst'

export type SstBatch = Parameters<SstWriter['append']>[0]

export interface OutputOptions {
  readonly fs: FileSystem
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  /** A new SST is begun when the one being written has reached this size. */
  readonly fileBytesTarget: number
  /** Keys, ascending, before which an SST ends, unless it is small: see `CUT_SHARE`. */
  readonly cuts?: readonly Uint8Array[] | undefined
  /** Gives a fresh id and the path of its file. */
  readonly newFile: () => { id: string; path: string }
}

/**
 * An output is cut so often between partitions, and by size alone from then on: files of a row each would cost more than
 * partitions help. What is not cut is exported as not partitioned, and may be cut by a later merge.
 */
const CUTS_MAX = 256

/** Below this share of the target size a file goes on past a cut: many tiny files cost more than a cut saves. */
const CUT_SHARE = 1 / 64

/** Splits a sorted stream of batches into SSTs of about the target size, each of one partition of the table. */
export class SstOutput {
  private readonly options: OutputOptions
  private writer: SstWriter | undefined
  private readonly finished: SstMeta[] = []
  private readonly paths: string[] = []
  /** Only of partitioned tables. */
  private lastKey: Uint8Array | undefined
  private partitionCuts = 0
  /** How many of the cuts are at or before what was written. */
  private passed = 0

  constructor(options: OutputOptions) {
    this.options = options
  }

  async append(batch: SstBatch): Promise<void> {
    const { cuts = [], fileBytesTarget } = this.options
    let from = 0
    while (this.passed < cuts.length) {
      const to = firstFrom(batch, cuts[this.passed], from)
      if (to === batch.length) break
      if (to > from) await this.appendPart(sliceBatch(batch, from, to))
      if ((this.writer?.bytes ?? 0) >= CUT_SHARE * fileBytesTarget) await this.finishFile()
      this.passed++
      from = to
    }
    await this.appendPart(from === 0 ? batch : sliceBatch(batch, from, batch.length))
  }

  private async appendPart(batch: SstBatch): Promise<void> {
    const { partition } = this.options.schema
    if (partition === undefined) return this.write(batch)
    for (let from = 0; from < batch.length;) {
      const isCut = this.partitionCuts < CUTS_MAX
      const to = isCut ? partitionEnd(this.options.schema, batch.keys, from) : batch.length
      const { lastKey } = this
      if (
        isCut &&
        lastKey !== undefined &&
        !inOnePartition(this.options.schema, lastKey, keyAt(batch, from))
      ) {
        this.partitionCuts++
        await this.finishFile()
      }
      await this.write(to - from === batch.length ? batch : sliceBatch(batch, from, to))
      this.lastKey = keyAt(batch, to - 1)
      from = to
    }
  }

  private async write(batch: SstBatch): Promise<void> {
    const writer = (this.writer ??= await this.newWriter(batch))
    await writer.append(batch)
    if (writer.bytes >= this.options.fileBytesTarget) await this.finishFile()
  }

  /** Completes the last file; what was written, in key order. The directory is not synced. */
  async finish(): Promise<SstMeta[]> {
    if (this.writer !== undefined) await this.finishFile()
    return this.finished
  }

  /** Removes every file that was begun, completed ones too. */
  async abort(): Promise<void> {
    const writer = this.writer
    this.writer = undefined
    await writer?.abort()
    for (const path of this.paths) await this.options.fs.remove(path)
  }

  private async newWriter(batch: SstBatch): Promise<SstWriter> {
    const file = this.options.newFile()
    const last = this.finished.at(-1)?.maxKey
    const { bytes, offsets } = batch.keys
    if (last !== undefined && compareBytes(last, 0, last.length, bytes, offsets[0], offsets[1]) >= 0) {
      throw new CorruptionError({ file: file.path }, 'its first key is not above the last of the file before')
    }
    const writer = await SstWriter.create({ ...this.options, ...file })
    this.paths.push(file.path)
    return writer
  }

  private async finishFile(): Promise<void> {
    const writer = this.writer
    if (writer === undefined) return
    this.finished.push(await writer.finish())
    this.writer = undefined
  }
}

/** The first row from `from` on whose key is at least the given one; the number of rows if there is none. */
function firstFrom({ keys, length }: SstBatch, key: Uint8Array, from: number): number {
  let low = from
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { bytes, offsets } = keys
    if (compareBytes(bytes, offsets[middle], offsets[middle + 1], key, 0, key.length) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function keyAt({ keys }: SstBatch, row: number): Uint8Array {
  return keys.bytes.slice(keys.offsets[row], keys.offsets[row + 1])
}
