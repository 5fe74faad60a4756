import type { SstFile } from '@meru/manifest'
import { deadFraction, LEVEL_MAX, liveRows, type LevelSettings } from '../src/score.ts'
import { pickJob, type CompactionJob } from '../src/index.ts'

const ROW_BYTES = 38
const ROW_BYTES_LEVEL_0 = 296
const FILE_BYTES = 64 * 1024 * 1024
/** One key stands for so many rows. */
export const UNIT_ROWS = 1000

interface SimulatedFile {
  readonly file: SstFile
  readonly keys: readonly number[]
  readonly dead: Set<number>
}

/** What the policy makes of a table, without any rows: files are sorted keys, each for a thousand rows. */
export class SimulatedTable {
  /** Of compactions. */
  rowsWritten = 0
  largestJob = 0
  private readonly settings: LevelSettings
  private readonly held: Map<string, SimulatedFile> = new Map()
  /** By key: the file in which it is live. */
  private readonly homes: Map<number, SimulatedFile> = new Map()
  private made = 0

  constructor(settings: LevelSettings) {
    this.settings = settings
  }

  get files(): SstFile[] {
    return [...this.held.values()].map(({ file, dead }) =>
      dead.size === 0
        ? file
        : { ...file, dead: { file: '', offset: 0, length: 0, cardinality: dead.size * UNIT_ROWS } },
    )
  }

  /** Loads sorted keys into one level. */
  load(level: number, keys: readonly number[]): void {
    const perFile = Math.floor(FILE_BYTES / ROW_BYTES / UNIT_ROWS)
    for (let from = 0; from < keys.length; from += perFile) this.add(level, keys.slice(from, from + perFile))
  }

  flush(keys: Iterable<number>): void {
    this.add(
      0,
      [...new Set(keys)].toSorted((a, b) => a - b),
    )
  }

  /** Compacts until nothing is due. Throws if that does not end, or if two files of a level overlap. */
  rest(): void {
    for (let jobs = 0; ; jobs++) {
      if (jobs > 1000) throw new Error('compaction does not come to rest')
      const job = pickJob(this.files, [], this.settings)
      if (job === undefined) return
      if (job.kind === 'merge') this.merge(job)
      else {
        const moved = this.held.get(job.input) as SimulatedFile
        this.keep({ ...moved, file: { ...moved.file, level: job.outputLevel } })
      }
      this.refuseOverlaps()
    }
  }

  private merge({ inputs, outputLevel, cuts = [] }: CompactionJob & { kind: 'merge' }): void {
    const merged = inputs.map((id) => this.held.get(id) as SimulatedFile)
    for (const id of inputs) this.held.delete(id)
    const keys = merged
      .flatMap(({ keys: all, dead }) => all.filter((key) => !dead.has(key)))
      .toSorted((a, b) => a - b)
    this.rowsWritten += keys.length * UNIT_ROWS
    this.largestJob = Math.max(this.largestJob, keys.length * UNIT_ROWS)
    const bytesOf = (count: number): number => count * UNIT_ROWS * ROW_BYTES
    const bytes = bytesOf(keys.length)
    const target = bytes / Math.max(1, Math.round(bytes / FILE_BYTES))
    const ends = cuts.map(keyOf)
    let current: number[] = []
    for (const key of keys) {
      while (ends.length > 0 && ends[0] <= key) {
        ends.shift()
        if (bytesOf(current.length) < FILE_BYTES / 64) continue
        this.add(outputLevel, current)
        current = []
      }
      current.push(key)
      if (bytesOf(current.length) < target) continue
      this.add(outputLevel, current)
      current = []
    }
    this.add(outputLevel, current)
  }

  /** Its keys die where they were live. */
  private add(level: number, keys: readonly number[]): void {
    if (keys.length === 0) return
    const rows = keys.length * UNIT_ROWS
    const bytes = rows * (level === 0 ? ROW_BYTES_LEVEL_0 : ROW_BYTES)
    const range = { minKey: bytesOfKey(keys[0]), maxKey: bytesOfKey(keys[keys.length - 1]) }
    const rest = { schemaId: 0, hash: '', minSeqno: 1, maxSeqno: 1, splitOffsets: [], columns: [] }
    const added = {
      file: { id: `f${this.made++}`, level, rows, bytes, ...range, ...rest },
      keys,
      dead: new Set<number>(),
    }
    for (const key of keys) {
      const home = this.homes.get(key)
      if (home === undefined) continue
      home.dead.add(key)
      if (home.dead.size === home.keys.length) this.held.delete(home.file.id)
    }
    this.keep(added)
  }

  private keep(file: SimulatedFile): void {
    this.held.set(file.file.id, file)
    for (const key of file.keys) if (!file.dead.has(key)) this.homes.set(key, file)
  }

  private refuseOverlaps(): void {
    for (let level = 1; level <= LEVEL_MAX; level++) {
      const files = this.files
        .filter((file) => file.level === level)
        .toSorted((a, b) => keyOf(a.minKey) - keyOf(b.minKey))
      for (let i = 1; i < files.length; i++) {
        if (keyOf(files[i].minKey) <= keyOf(files[i - 1].maxKey)) throw new Error(`overlap at level ${level}`)
      }
    }
  }

  /** Rows that are in files and dead, beside those that are live. */
  get deadShare(): number {
    const { files } = this
    return files.reduce((sum, file) => sum + deadFraction(file) * file.rows, 0) / liveRows(files)
  }
}

function bytesOfKey(key: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, key)
  return bytes
}

function keyOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}
