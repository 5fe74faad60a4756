import { gatherVectors, type BytesVector, type SchemaProjection, type Vector } from '@meru/core'
import type { DeadPositions, SstReader } from '@meru/sst'

/** An input of a compaction: an open SST and the positions that were dead when the job began. */
export interface MergeInput {
  readonly id: string
  readonly level: number
  readonly rows: number
  readonly reader: SstReader
  readonly dead: DeadPositions
  /** How its rows become rows of the schema that is written, if its own is an earlier one. */
  readonly projection?: SchemaProjection | undefined
}

/** Live rows of an input, adjacent in key order. */
export interface MergeChunk {
  readonly length: number
  readonly keys: BytesVector
  /** In schema order. */
  readonly columns: readonly Vector[]
  readonly seqnos: Float64Array
}

/** Reads the live rows of inputs that follow one another in key order. */
export class MergeSource {
  private readonly inputs: MergeInput[]
  private readonly columnIds: readonly number[]
  private readonly chunkRows: number
  private position = 0

  constructor(inputs: readonly MergeInput[], options: { columnIds: readonly number[]; chunkRows: number }) {
    this.inputs = [...inputs]
    this.columnIds = options.columnIds
    this.chunkRows = options.chunkRows
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
      const to = Math.min(input.rows, from + this.chunkRows)
      this.position = to
      const deadRows = input.dead.countRange(from, to)
      if (deadRows === to - from) continue
      return this.read(input, from, to, deadRows)
    }
  }

  private async read(input: MergeInput, from: number, to: number, deadRows: number): Promise<MergeChunk> {
    const columns = input.projection?.columns(this.columnIds)
    if (columns === undefined) return readLive(input, from, to, { columnIds: this.columnIds, deadRows })
    const chunk = await readLive(input, from, to, { columnIds: columns.sourceIds, deadRows })
    return { ...chunk, columns: columns.project(chunk.columns, chunk.length) }
  }
}

async function readLive(
  input: MergeInput,
  from: number,
  to: number,
  options: { columnIds: readonly number[]; deadRows: number },
): Promise<MergeChunk> {
  const rows = await input.reader.readRows(from, to, options.columnIds, { keys: true, seqnos: true })
  const keys = rows.keys as BytesVector
  const seqnos = rows.seqnos as Float64Array
  if (options.deadRows === 0) return { length: to - from, keys, columns: rows.columns, seqnos }
  const length = to - from - options.deadRows
  const rowOf = new Uint32Array(length)
  let count = 0
  input.dead.liveRuns(from, to, (start, end) => {
    for (let position = start; position < end; position++) rowOf[count++] = position - from
  })
  const sourceOf = new Uint8Array(length)
  const keep = (vector: Vector): Vector => gatherVectors([vector], sourceOf, rowOf, length)
  const kept = new Float64Array(length)
  for (let i = 0; i < length; i++) kept[i] = seqnos[rowOf[i]]
  return { length, keys: keep(keys) as BytesVector, columns: rows.columns.map(keep), seqnos: kept }
}
