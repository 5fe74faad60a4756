import { ByteWriter, sliceVector, type SchemaProjection } from '@meru/core'
import type { RowRef } from '@meru/sst'
import type { EntryPlace } from './entry-place.ts'

/** A row of a file of an earlier schema as a row of the later one; of columns if the file gave columns. */
export function projectRow(projection: SchemaProjection, row: RowRef, columnIds: readonly number[]): RowRef {
  if (row.bytes.length > 0) return { vectors: [], index: 0, ...projectedEntry(projection, row) }
  const sources = row.vectors.map((vector) => sliceVector(vector, row.index, row.index + 1))
  const vectors = projection.columns(columnIds).project(sources, 1)
  return { bytes: row.bytes, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, vectors, index: 0 }
}

/** An encoded row of an earlier schema as one of the later one, in memory of its own. */
export function projectedEntry(projection: SchemaProjection, entry: Readonly<EntryPlace>): EntryPlace {
  const keyLength = entry.keyEnd - entry.keyStart
  const out = new ByteWriter(keyLength + entry.valueEnd - entry.valueStart + 64)
  out.append(entry.bytes.subarray(entry.keyStart, entry.keyEnd))
  projection.rows.append(entry.bytes, entry.valueStart, entry.valueEnd, out)
  return {
    bytes: out.bytes,
    keyStart: 0,
    keyEnd: keyLength,
    valueStart: keyLength,
    valueEnd: out.length,
  }
}
