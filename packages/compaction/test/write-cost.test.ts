import type { SstFile } from '@meru/manifest'
import { describe, expect, test } from 'vitest'
import { LEVEL_MAX, liveRows, rowsOf } from '../src/score.ts'
import { pickJob, type CompactionJob, type LevelSettings } from '../src/index.ts'

/** What the policy makes of a table whose rows are upserted at random, without any rows: files are sizes and ranges. */
const MIB = 1024 * 1024
const settings: LevelSettings = {
  l0CompactionFiles: 4,
  levelRatio: 3,
  deadFractionMax: 0.3,
}
const FLUSH_ROWS = 180_000
const ROW_BYTES = 38
const ROW_BYTES_LEVEL_0 = 296
const FILE_BYTES = 64 * MIB
const KEYS = 2 ** 32

class SimulatedTable {
  files: SstFile[] = []
  /** Rows that compactions wrote. */
  written = 0
  private made = 0

  /** A table that was loaded in key order. */
  constructor(rows: number) {
    const count = Math.ceil((rows * ROW_BYTES) / FILE_BYTES)
    for (let i = 0; i < count; i++) {
      this.add(LEVEL_MAX, (i * KEYS) / count, ((i + 1) * KEYS) / count - 1, rows / count)
    }
  }

  /** Upserts of keys from all over the table. */
  flush(): void {
    const live = liveRows(this.files)
    this.files = this.files.map((file) => {
      const cardinality = (file.dead?.cardinality ?? 0) + (liveRows([file]) / live) * FLUSH_ROWS
      return { ...file, dead: { file: '', offset: 0, length: 0, cardinality } }
    })
    this.add(0, 0, KEYS - 1, FLUSH_ROWS)
  }

  /** Compacts until nothing is due. */
  rest(): void {
    for (let jobs = 0; ; jobs++) {
      const job = pickJob(this.files, [], settings)
      if (job === undefined) return
      if (jobs > 1000) throw new Error('compaction does not come to rest')
      if (job.kind === 'merge') this.merge(job)
      else {
        const moved = (file: SstFile): SstFile =>
          file.id === job.input ? { ...file, level: job.outputLevel } : file
        this.files = this.files.map(moved)
      }
    }
  }

  /** Files that a read of one key may have to look into. */
  get depth(): number {
    return new Set(this.files.map(({ id, level }) => (level === 0 ? id : level))).size
  }

  private merge({ inputs, outputLevel, cuts = [] }: CompactionJob & { kind: 'merge' }): void {
    const merged = this.files.filter((file) => inputs.includes(file.id))
    this.files = this.files.filter((file) => !inputs.includes(file.id))
    const rows = liveRows(merged)
    this.written += rows
    const from = Math.min(...merged.map((file) => keyOf(file.minKey)))
    const to = Math.max(...merged.map((file) => keyOf(file.maxKey))) + 1
    const parts = Math.max(1, Math.round((rows * ROW_BYTES) / FILE_BYTES))
    const even = Array.from({ length: parts - 1 }, (_, i) => from + ((i + 1) * (to - from)) / parts)
    const ends = [...even, ...cuts.map(keyOf)].filter((key) => key > from && key < to)
    let start = from
    for (const end of [...ends.toSorted((a, b) => a - b), to]) {
      const share = (rows * (end - start)) / (to - from)
      if (end < to && share * ROW_BYTES < FILE_BYTES / 64) continue
      this.add(outputLevel, start, end - 1, share)
      start = end
    }
  }

  private add(level: number, min: number, max: number, rows: number): void {
    const bytes = rows * (level === 0 ? ROW_BYTES_LEVEL_0 : ROW_BYTES)
    const keys = { minKey: bytesOf(min), maxKey: bytesOf(max) }
    const rest = { schemaId: 0, hash: '', minSeqno: 1, maxSeqno: 1, splitOffsets: [], columns: [] }
    this.files.push({ id: `f${this.made++}`, level, rows, bytes, ...keys, ...rest })
  }
}

function bytesOf(key: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, Math.floor(key))
  return bytes
}

function keyOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(0)
}

describe.each([
  { rows: 1e6, upserts: 5e6, perUpsert: 4, files: 10 },
  { rows: 10e6, upserts: 40e6, perUpsert: 5, files: 50 },
  { rows: 50e6, upserts: 100e6, perUpsert: 7, files: 250 },
  { rows: 200e6, upserts: 200e6, perUpsert: 9, files: 1000 },
])('random upserts of $rows rows', ({ rows, upserts, perUpsert, files }) => {
  test(`write each less than ${perUpsert} times more, keep ${files} files, and few dead rows`, () => {
    const table = new SimulatedTable(rows)
    for (let done = 0; done < upserts; done += FLUSH_ROWS) {
      table.flush()
      table.rest()
      expect(table.files.length).toBeLessThan(files)
      expect(table.depth).toBeLessThan(12)
      const { deadFractionMax, l0CompactionFiles } = settings
      const flushed = l0CompactionFiles * FLUSH_ROWS
      expect(rowsOf(table.files) - rows).toBeLessThan(
        (deadFractionMax * rows) / (1 - deadFractionMax) + flushed,
      )
    }
    expect(table.written / upserts).toBeLessThan(perUpsert)
  })
})
