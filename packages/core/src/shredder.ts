import { MeruError } from './errors.ts'
import { hasEscape, TERMINATOR_LENGTH, textEnd, unescapeInto } from './key-bytes.ts'
import { rowLayout, type ColumnPlace, type RowLayout } from './row-layout.ts'
import type { TableSchema } from './schema.ts'
import { VectorBuilder } from './vector-builder.ts'
import type { Vector } from './vector.ts'

/** Turns encoded rows into one vector for each column of the schema, without making values of them. */
export class Shredder {
  readonly #layout: RowLayout
  readonly #builders: readonly VectorBuilder[]
  #length = 0

  constructor(schema: TableSchema) {
    this.#layout = rowLayout(schema)
    this.#builders = this.#layout.columns.map((place) => new VectorBuilder(place.physical, place.width))
  }

  /** Rows since the start or the last `finish`. */
  get length(): number {
    return this.#length
  }

  /** Appends one row. Bytes that are no row of the schema throw `CORRUPT`; finish or drop the shredder then. */
  append(bytes: Uint8Array, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const { key, values, variableAt, endsAt } = this.#layout
    let at = keyStart
    for (const place of key) at = appendKey(this.#builders[place.index], place, bytes, at, keyEnd)
    if (at !== keyEnd) throw corrupt(`a key has ${keyEnd - at} bytes too many`)
    if (valueEnd - valueStart < variableAt) throw corrupt('a row is shorter than its fixed part')
    let from = valueStart + variableAt
    for (const place of values) {
      const builder = this.#builders[place.index]
      const bit = place.nullBit
      const isNull = bit >= 0 && (bytes[valueStart + (bit >>> 3)] & (1 << (bit & 7))) !== 0
      if (place.variableIndex >= 0) {
        const to = valueStart + variableAt + readU32(bytes, valueStart + endsAt + 4 * place.variableIndex)
        if (to < from || to > valueEnd) throw corrupt(`column "${place.name}" ends outside of its row`)
        if (isNull) builder.appendNull()
        else builder.append(bytes, from, to)
        from = to
      } else if (isNull) {
        builder.appendNull()
      } else {
        const start = valueStart + place.offset
        builder.append(bytes, start, start + place.width)
      }
    }
    this.#length++
  }

  /** One vector for each column, in schema order; the shredder starts over. */
  finish(): Vector[] {
    this.#length = 0
    return this.#builders.map((builder) => builder.finish())
  }
}

/** Appends a key column in its plain form and returns where the next one starts. */
function appendKey(
  builder: VectorBuilder,
  place: ColumnPlace,
  bytes: Uint8Array,
  start: number,
  limit: number,
): number {
  if (place.physical === 'bytes') {
    const end = textEnd(bytes, start, limit)
    if (hasEscape(bytes, start, end)) {
      const room = builder.room(end - start)
      builder.push(unescapeInto(builder.bytes, room, bytes, start, end) - room)
    } else {
      builder.append(bytes, start, end)
    }
    return end + TERMINATOR_LENGTH
  }
  const width = place.width
  const end = start + width
  if (end > limit) throw corrupt(`a key ends inside column "${place.name}"`)
  const at = builder.room(width)
  const to = builder.bytes
  if (place.physical === 'i32' || place.physical === 'i64') {
    for (let i = 0; i < width; i++) to[at + width - 1 - i] = bytes[start + i]
    to[at + width - 1] ^= 0x80
  } else {
    for (let i = 0; i < width; i++) to[at + i] = bytes[start + i]
    if (place.type.kind === 'decimal') to[at] ^= 0x80
  }
  builder.push(width)
  return end
}

function corrupt(problem: string): MeruError {
  return new MeruError('CORRUPT', `encoded rows: ${problem}`)
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}
