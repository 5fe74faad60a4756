import type { BytesVector } from '@meru/core'
import { seek, type SstReader } from '@meru/sst'
import type { LiveFile } from '@meru/view'
import { meet } from '@meru/compaction'

/** Keys looked up together: bounds how long the thread is held, and the memory. */
const KEYS = 4096

/**
 * For each file of a table the positions of rows whose keys new files hold too: what the new rows replace. Grows file
 * by file, so that most of the work is done before the commit.
 */
export class Shadows {
  /** By file id. Positions that are dead already may be among them. */
  readonly positions: Map<string, Uint32Array> = new Map()
  readonly #newer: readonly SstReader[]
  readonly #breathe: () => Promise<void>

  constructor(newer: readonly SstReader[], breathe: () => Promise<void>) {
    this.#newer = newer
    this.#breathe = breathe
  }

  /** The files among these that were not looked at and may hold keys of the new ones. */
  missing(files: readonly LiveFile[]): LiveFile[] {
    return files.filter(
      ({ file }) => !this.positions.has(file.id) && this.#newer.some((reader) => meet(reader.meta, file)),
    )
  }

  /** Looks at one file. Its keys, or those of the new files, are read, whichever are fewer. */
  async add({ file, reader }: LiveFile): Promise<void> {
    const found: number[] = []
    for (const newer of this.#newer) {
      if (!meet(newer.meta, file)) continue
      const ofOlder = await rangeIn(reader, newer)
      const ofNewer = await rangeIn(newer, reader)
      if (ofOlder.to - ofOlder.from <= ofNewer.to - ofNewer.from) {
        await this.#forEachKeys(reader, ofOlder, async (keys, from) => {
          await newer.locate(keys, (index) => void found.push(from + index))
        })
      } else {
        await this.#forEachKeys(newer, ofNewer, async (keys) => {
          await reader.locate(keys, (_, position) => void found.push(position))
        })
      }
    }
    this.positions.set(file.id, Uint32Array.from(found))
  }

  async #forEachKeys(
    reader: SstReader,
    { from, to }: Rows,
    visit: (keys: BytesVector, from: number) => Promise<void>,
  ): Promise<void> {
    for (let at = from; at < to; at += KEYS) {
      const rows = await reader.readRows(at, Math.min(to, at + KEYS), [], { keys: true })
      await visit(rows.keys as BytesVector, at)
      await this.#breathe()
    }
  }
}

interface Rows {
  readonly from: number
  readonly to: number
}

/** The rows of a file whose keys are within the range of another. */
async function rangeIn(reader: SstReader, other: SstReader): Promise<Rows> {
  const from = await seek(reader, other.meta.minKey)
  const to = await seek(reader, other.meta.maxKey)
  return { from, to: Math.min(reader.meta.rows, to + 1) }
}
