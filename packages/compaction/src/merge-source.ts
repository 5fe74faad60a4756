import { gatherVectors, type BytesVector, type SchemaProjection, type Vector } from '@meru/core'
import {
  hasRowLineage,
  LINEAGE_IDS,
  lineageVectors,
  type DeadPositions,
  type FileLineage,
  type SstReader,
} from '@meru/sst'

/** An input of a compaction: an open SST and the positions that were dead when the job began. */
export interface MergeInput {
  readonly id: string
  readonly level: number
  readonly rows: number
  readonly reader: SstReader
  readonly dead: DeadPositions
  /** How its rows become rows of the schema that is written, if its own is an earlier one. */
  readonly projection?: SchemaProjection | undefined
  /** What readers of the published table call its rows, if it is published. */
  readonly lineage?: FileLineage | undefined
}

/** Live rows of an input, adjacent in key order. */
export interface MergeChunk {
  readonly length: number
  readonly keys: BytesVector
  /** In schema order, then row lineage if it is kept. */
  readonly columns: readonly Vector[]
  readonly seqnos: Float64Array
}

interface SourceOptions {
  readonly columnIds: readonly number[]
  readonly chunkRows: number
  /** Reads row lineage too. */
  readonly keepsLineage: boolean
}

/** Reads the live rows of inputs that follow one another in key order. */
export class MergeSource {
  private readonly inputs: MergeInput[]
  private readonly options: SourceOptions
  private position = 0

  constructor(inputs: readonly MergeInput[], options: SourceOptions) {
    this.inputs = [...inputs]
    this.options = options
  }

  async next(): Promise<MergeChunk | undefined> {
    for (;;) {
      const input = this.inputs[0]
      if (input === undefined) return undefined
      if (this.position >= input.rows) {
        this.inputs.shift()
        this.position = 0
        continue
      }
      const from = this.position
      const to = Math.min(input.rows, from + this.options.chunkRows)
      this.position = to
      const deadRows = input.dead.countRange(from, to)
      if (deadRows === to - from) continue
      return readLive(input, { from, to, deadRows }, this.options)
    }
  }
}

async function readLive(
  input: MergeInput,
  range: { readonly from: number; readonly to: number; readonly deadRows: number },
  { columnIds, keepsLineage }: SourceOptions,
): Promise<MergeChunk> {
  const { from, to, deadRows } = range
  const projected = input.projection?.columns(columnIds)
  const userIds = projected?.sourceIds ?? columnIds
  const isStored = keepsLineage && hasRowLineage(input.reader.meta)
  const ids = isStored ? [...userIds, ...LINEAGE_IDS] : userIds
  const rows = await input.reader.readRows(from, to, ids, { keys: true, seqnos: true })
  const keys = rows.keys as BytesVector
  const seqnos = rows.seqnos as Float64Array
  const stored = rows.columns.slice(userIds.length)
  const read = rows.columns.slice(0, userIds.length)
  if (keepsLineage) read.push(...lineageVectors({ from, length: to - from }, stored, input.lineage))
  const finish = (columns: readonly Vector[], length: number): readonly Vector[] =>
    projected === undefined
      ? columns
      : [...projected.project(columns.slice(0, userIds.length), length), ...columns.slice(userIds.length)]
  if (deadRows === 0) return { length: to - from, keys, columns: finish(read, to - from), seqnos }
  const length = to - from - deadRows
  const rowOf = new Uint32Array(length)
  let count = 0
  input.dead.liveRuns(from, to, (start, end) => {
    for (let position = start; position < end; position++) rowOf[count++] = position - from
  })
  const sourceOf = new Uint8Array(length)
  const keep = (vector: Vector): Vector => gatherVectors([vector], sourceOf, rowOf, length)
  const kept = new Float64Array(length)
  for (let i = 0; i < length; i++) kept[i] = seqnos[rowOf[i]]
  return { length, keys: keep(keys) as BytesVector, columns: finish(read.map(keep), length), seqnos: kept }
}
