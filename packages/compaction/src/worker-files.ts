import type { FileSystem } from '@meru/fs'
import { sstPath, type SstFile } from '@meru/manifest'
import { DeadPositions, PageCache, SstReader } from '@meru/sst'
import { loadDeadPositions } from './dead-files.ts'
import type { SentFile } from './job-message.ts'

/** An open SST with its dead positions. */
export interface OpenFile {
  readonly file: SstFile
  readonly reader: SstReader
  readonly dead: DeadPositions
}

/** Files that stay open on a worker from one job to the next: their indexes and filters are read once. */
export class WorkerFiles {
  private readonly fs: FileSystem
  private readonly filesMax: number
  private readonly cache: PageCache = new PageCache({ bytesMax: 0 })
  /** By id, the one used longest ago first. */
  private readonly readers: Map<string, SstReader> = new Map()
  /** By id of the SST: its newest set, and the Puffin file that holds it. */
  private readonly sets: Map<string, { readonly place: string; readonly dead: DeadPositions }> = new Map()

  constructor(fs: FileSystem, options: { filesMax: number }) {
    this.fs = fs
    this.filesMax = options.filesMax
  }

  /** Stays open until another call needs the room: use it before the next one. */
  async open(table: string, { file, schema }: SentFile): Promise<OpenFile> {
    const { fs, cache, readers } = this
    let reader = readers.get(file.id)
    readers.delete(file.id)
    reader ??= await SstReader.open({ fs, path: sstPath(table, file.id), meta: file, schema, cache })
    readers.set(file.id, reader)
    await this.makeRoom()
    return { file, reader, dead: await this.dead(table, file) }
  }

  /** Remembers a set that was written to `puffinId`. */
  note(fileId: string, puffinId: string, dead: DeadPositions): void {
    this.sets.set(fileId, { place: puffinId, dead })
  }

  async forget(fileIds: readonly string[]): Promise<void> {
    for (const id of fileIds) {
      const reader = this.readers.get(id)
      this.readers.delete(id)
      this.sets.delete(id)
      await reader?.close()
    }
  }

  private async dead(table: string, file: SstFile): Promise<DeadPositions> {
    if (file.dead === undefined) return DeadPositions.empty
    const known = this.sets.get(file.id)
    if (known?.place === file.dead.file) return known.dead
    const dead = await loadDeadPositions(this.fs, table, file)
    this.sets.set(file.id, { place: file.dead.file, dead })
    return dead
  }

  private async makeRoom(): Promise<void> {
    for (const id of this.readers.keys()) {
      if (this.readers.size <= this.filesMax) return
      await this.forget([id])
    }
  }
}
