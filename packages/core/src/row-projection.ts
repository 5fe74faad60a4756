import type { ByteWriter } from './byte-writer.ts'
import { MeruError } from './errors.ts'
import { fromHex } from './hex.ts'
import { isNested } from './column-type.ts'
import { nestedProjection, type ProjectNested } from './nested-projection.ts'
import { promotionOf, type Promote } from './promotion.ts'
import { rowLayout, type ColumnPlace, type RowLayout } from './row-layout.ts'
import type { TableSchema } from './schema.ts'
import { readU32 } from './value-area.ts'

/** How one value column of the later schema is made. */
interface Step {
  readonly place: ColumnPlace
  /** Where it was under the earlier schema, if it was there. */
  readonly source: ColumnPlace | undefined
  readonly promote: Promote | undefined
  /** How its bytes change; only for nested columns whose types differ. */
  readonly nested: ProjectNested | undefined
  /** What rows have that were written before the column was there; null without it. */
  readonly fill: Uint8Array | undefined
}

/** Encoded rows of one schema as encoded rows of a later one of the same table. Keys are the same in both. */
export class RowProjection {
  private readonly from: RowLayout
  private readonly to: RowLayout
  private readonly steps: readonly Step[]

  /** Throws a `TypeError` if rows of `from` are no rows of `to`; see `schemaChangeProblem`. */
  constructor(from: TableSchema, to: TableSchema) {
    this.from = rowLayout(from)
    this.to = rowLayout(to)
    const known = new Map(this.from.columns.map((place) => [place.id, place]))
    this.steps = this.to.values.map((place): Step => {
      const source = known.get(place.id)
      const nested = source === undefined ? undefined : nestedProjection(source.type, place.type)
      const isScalar = source !== undefined && !isNested(source.type)
      const promote = isScalar ? promotionOf(source.type, place.type) : undefined
      const initial = to.columns[place.index].initialDefault
      const fill = initial === undefined ? undefined : fromHex(initial)
      const isMissing = source === undefined && fill === undefined
      if (place.required && (isMissing || source?.required === false)) {
        throw new TypeError(`column "${place.name}" is required, but rows of schema ${from.schemaId} lack it`)
      }
      return { place, source, promote, nested, fill }
    })
  }

  /** Appends the value bytes of a row, given those under the earlier schema. Throws `CORRUPT` for bytes that are none. */
  append(bytes: Uint8Array, valueStart: number, valueEnd: number, out: ByteWriter): void {
    const { from, to } = this
    if (valueEnd - valueStart < from.variableAt) throw corrupt('is shorter than its fixed part')
    const start = out.length
    out.reserve(to.variableAt)
    out.bytes.fill(0, start, start + to.variableAt)
    out.length = start + to.variableAt
    for (const { place, source, promote, nested, fill } of this.steps) {
      const isNull = source === undefined ? fill === undefined : isNullIn(source, bytes, valueStart)
      if (isNull) out.bytes[start + (place.nullBit >>> 3)] |= 1 << (place.nullBit & 7)
      else if (source === undefined) putFill(out, start, place, fill as Uint8Array)
      else if (place.variableIndex >= 0)
        appendSlice({ layout: from, source, nested }, bytes, valueStart, valueEnd, out)
      else if (promote === undefined) copyFixed(place, source, bytes, valueStart, out, start)
      else promote(bytes, valueStart + source.offset, out.bytes, start + place.offset)
      if (place.variableIndex < 0) continue
      out.view.setUint32(
        start + to.endsAt + 4 * place.variableIndex,
        out.length - start - to.variableAt,
        true,
      )
    }
  }
}

function isNullIn({ nullBit }: ColumnPlace, bytes: Uint8Array, valueStart: number): boolean {
  return nullBit >= 0 && (bytes[valueStart + (nullBit >>> 3)] & (1 << (nullBit & 7))) !== 0
}

function putFill(out: ByteWriter, start: number, place: ColumnPlace, fill: Uint8Array): void {
  if (place.variableIndex >= 0) out.append(fill)
  else out.bytes.set(fill, start + place.offset)
}

function copyFixed(
  place: ColumnPlace,
  source: ColumnPlace,
  bytes: Uint8Array,
  valueStart: number,
  out: ByteWriter,
  start: number,
): void {
  const from = valueStart + source.offset
  for (let i = 0; i < place.width; i++) out.bytes[start + place.offset + i] = bytes[from + i]
}

function appendSlice(
  { layout, source, nested }: { layout: RowLayout; source: ColumnPlace; nested: ProjectNested | undefined },
  bytes: Uint8Array,
  valueStart: number,
  valueEnd: number,
  out: ByteWriter,
): void {
  const base = valueStart + layout.variableAt
  const endAt = valueStart + layout.endsAt + 4 * source.variableIndex
  const from = base + (source.variableIndex === 0 ? 0 : readU32(bytes, endAt - 4))
  const to = base + readU32(bytes, endAt)
  if (to < from || to > valueEnd) throw corrupt(`has a column "${source.name}" that ends outside of it`)
  if (nested === undefined) out.append(bytes.subarray(from, to))
  else nested(bytes, from, to, out)
}

function corrupt(problem: string): MeruError {
  return new MeruError('CORRUPT', `an encoded row of an earlier schema ${problem}`)
}
