import { ByteWriter } from './byte-writer.ts'
import { isNested, physicalOf, type ColumnType } from './column-type.ts'
import { fromHex } from './hex.ts'
import { nestedProjection, type ProjectNested } from './nested-projection.ts'
import { promotionOf, type Promote } from './promotion.ts'
import { RowProjection } from './row-projection.ts'
import type { ColumnDef, TableSchema } from './schema.ts'
import { VectorBuilder } from './vector-builder.ts'
import { isPresent, type BytesVector, type Vector } from './vector.ts'

/** Columns of a later schema out of columns of an earlier one. */
export interface ColumnProjection {
  /** Field ids of the columns to read under the earlier schema. */
  readonly sourceIds: readonly number[]
  /** Vectors parallel to the columns asked for, out of vectors parallel to `sourceIds`. */
  project(sources: readonly Vector[], length: number): Vector[]
}

/**
 * What is needed to read under one schema what was written under an earlier one of the same table: columns
 * are found by field id, missing ones filled, types promoted. Made once for each pair of schemas.
 */
export class SchemaProjection {
  readonly from: TableSchema
  readonly to: TableSchema
  readonly rows: RowProjection
  private last: { readonly ids: readonly number[]; readonly columns: ColumnProjection } | undefined

  constructor(from: TableSchema, to: TableSchema) {
    this.from = from
    this.to = to
    this.rows = new RowProjection(from, to)
  }

  /** For columns of the later schema by field id. Give the same array again for the same answer at once. */
  columns(ids: readonly number[]): ColumnProjection {
    if (this.last?.ids === ids) return this.last.columns
    const sourceIds: number[] = []
    const makers = ids.map((id) => this.maker(id, sourceIds))
    const columns: ColumnProjection = {
      sourceIds,
      project: (sources, length) => makers.map((make) => make(sources, length)),
    }
    this.last = { ids, columns }
    return columns
  }

  private maker(id: number, sourceIds: number[]): (sources: readonly Vector[], length: number) => Vector {
    const target = find(this.to, id)
    // The engine's own columns are the same in every file.
    const source = target === undefined ? undefined : find(this.from, id)
    if (target !== undefined && source === undefined) {
      const { type, initialDefault } = target
      const value = initialDefault === undefined ? undefined : fromHex(initialDefault)
      return (_, length) => repeated(type, value, length)
    }
    const at = sourceIds.push(id) - 1
    if (target === undefined || source === undefined) return (sources) => sources[at]
    if (isNested(source.type)) {
      const project = nestedProjection(source.type, target.type)
      if (project === undefined) return (sources) => sources[at]
      return (sources) => projected(sources[at] as BytesVector, project)
    }
    const promote = promotionOf(source.type, target.type)
    if (promote === undefined) return (sources) => sources[at]
    return (sources) => promoted(sources[at], physicalOf(source.type).width, target.type, promote)
  }
}

/** How files and memtables of an earlier schema are read under a later one; undefined if it is the same. */
export function projectionBetween(from: TableSchema, to: TableSchema): SchemaProjection | undefined {
  return from.schemaId === to.schemaId ? undefined : new SchemaProjection(from, to)
}

function find(schema: TableSchema, id: number): ColumnDef | undefined {
  return schema.columns.find((column) => column.id === id)
}

/** The same value, or null, so many times. */
function repeated(type: ColumnType, value: Uint8Array | undefined, length: number): Vector {
  const { physical, width } = physicalOf(type)
  const builder = new VectorBuilder(physical, width)
  for (let i = 0; i < length; i++) {
    if (value === undefined) builder.appendNull()
    else builder.append(value, 0, value.length)
  }
  return builder.finish()
}

function projected(vector: BytesVector, project: ProjectNested): Vector {
  const { length, validity, bytes, offsets } = vector
  const out = new ByteWriter(Math.max(64, offsets[length] - offsets[0]))
  const ends = new Uint32Array(length + 1)
  for (let i = 0; i < length; i++) {
    if (isPresent(vector, i)) project(bytes, offsets[i], offsets[i + 1], out)
    ends[i + 1] = out.length
  }
  const base = validity === undefined ? { length } : { length, validity }
  return { physical: 'bytes', ...base, bytes: out.written(), offsets: ends }
}

/** Only numbers are promoted, and they have fixed widths. Slots of nulls hold zeros before and after. */
function promoted(vector: Vector, sourceWidth: number, type: ColumnType, promote: Promote): Vector {
  if (vector.physical === 'bytes') throw new TypeError('strings and binaries are not promoted')
  const { physical, width } = physicalOf(type)
  const { buffer, byteOffset, byteLength } = vector.values
  const source = new Uint8Array(buffer, byteOffset, byteLength)
  const into = new Uint8Array(vector.length * width)
  for (let i = 0; i < vector.length; i++) promote(source, i * sourceWidth, into, i * width)
  const { length, validity } = vector
  const base = validity === undefined ? { length } : { length, validity }
  switch (physical) {
    case 'i64':
      return { physical, ...base, values: new BigInt64Array(into.buffer) }
    case 'f64':
      return { physical, ...base, values: new Float64Array(into.buffer) }
    case 'fixed':
      return { physical, ...base, width, values: into }
    default:
      throw new TypeError(`no type is promoted to one of ${physical}`)
  }
}
