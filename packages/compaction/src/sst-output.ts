import type { SstMeta, TableSchema } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { SstWriter, type SstLayout } from '@meru/sst'

export type SstBatch = Parameters<SstWriter['append']>[0]

export interface OutputOptions {
  readonly fs: FileSystem
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  /** A new SST is begun when the one being written has reached this size. */
  readonly fileBytesTarget: number
  /** Gives a fresh id and the path of its file. */
  readonly newFile: () => { id: string; path: string }
}

/** Splits a sorted stream of batches into SSTs of about the target size. */
export class SstOutput {
  private readonly options: OutputOptions
  private writer: SstWriter | undefined
  private readonly finished: SstMeta[] = []

  constructor(options: OutputOptions) {
    this.options = options
  }

  async append(batch: SstBatch): Promise<void> {
    this.writer ??= await SstWriter.create({ ...this.options, ...this.options.newFile() })
    await this.writer.append(batch)
    if (this.writer.bytes >= this.options.fileBytesTarget) await this.finishFile()
  }

  /** Completes the last file; what was written, in key order. The directory is not synced. */
  async finish(): Promise<SstMeta[]> {
    if (this.writer !== undefined) await this.finishFile()
    return this.finished
  }

  /** Drops the file being written. Files that were completed stay; see `finished`. */
  async abort(): Promise<readonly SstMeta[]> {
    await this.writer?.abort()
    this.writer = undefined
    return this.finished
  }

  private async finishFile(): Promise<void> {
    const writer = this.writer
    if (writer === undefined) return
    this.finished.push(await writer.finish())
    this.writer = undefined
  }
}
