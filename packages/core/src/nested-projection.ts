import type { ByteWriter } from './byte-writer.ts'
import {
  isNested,
  physicalOf,
  typeName,
  type ColumnType,
  type NestedPart,
  type NestedType,
} from './column-type.ts'
import {
  appendNulls,
  corruptNested,
  isNullBit,
  readNestedCount,
  readNestedVarint,
  setNullBit,
  skipNestedBytes,
  skipNulls,
  type NestedCursor,
} from './nested-bytes.ts'
import { skipperOf } from './nested-skip.ts'
import { nestedParts } from './nested-type.ts'
import { promotionOf } from './promotion.ts'

/** Appends a value of the later type, given its bytes under the earlier one. Throws `CORRUPT` for bytes that are none. */
export type ProjectNested = (bytes: Uint8Array, start: number, end: number, out: ByteWriter) => void

type Step = (from: NestedCursor, out: ByteWriter) => void

/**
 * How values of a nested type are read under a later one of the same column; `undefined` if their bytes are the same,
 * or if the types are not nested. Parts are found by field id.
 */
export function nestedProjection(from: ColumnType, to: ColumnType): ProjectNested | undefined {
  if (!isNested(from) || !isNested(to) || hasSameBytes(from, to)) return undefined
  const step = stepOf(from, to)
  return (bytes, start, end, out) => {
    const cursor: NestedCursor = { bytes, at: start, end }
    step(cursor, out)
    if (cursor.at !== end) throw corruptNested(`${end - cursor.at} bytes too many`)
  }
}

/** Names aside, the types are the same, and so is the order of their parts. */
function hasSameBytes(from: ColumnType, to: ColumnType): boolean {
  if (!isNested(from) || !isNested(to)) return typeName(from) === typeName(to)
  const parts = nestedParts(from)
  const others = nestedParts(to)
  return (
    from.kind === to.kind &&
    parts.length === others.length &&
    parts.every(({ part }, i) => {
      const other = others[i].part
      return part.id === other.id && part.required === other.required && hasSameBytes(part.type, other.type)
    })
  )
}

function stepOf(from: ColumnType, to: ColumnType): Step {
  if (from.kind === 'struct' && to.kind === 'struct') return structStep(from, to)
  if (from.kind === 'list' && to.kind === 'list') return elementsStep(undefined, from.element, to.element)
  if (from.kind === 'map' && to.kind === 'map') {
    return elementsStep(stepOf(from.key.type, to.key.type), from.value, to.value)
  }
  if (isNested(from) || isNested(to)) throw new TypeError(`${typeName(from)} is not read as ${typeName(to)}`)
  return scalarStep(from, to)
}

function scalarStep(from: ColumnType, to: ColumnType): Step {
  const { width } = physicalOf(from)
  const promote = promotionOf(from, to)
  if (width === 0) {
    return (cursor, out) => {
      const length = readNestedVarint(cursor)
      const start = skipNestedBytes(cursor, length)
      out.varint(length)
      out.append(cursor.bytes.subarray(start, start + length))
    }
  }
  const widthAfter = physicalOf(to).width
  return (cursor, out) => {
    const start = skipNestedBytes(cursor, width)
    out.reserve(widthAfter)
    if (promote === undefined) out.bytes.set(cursor.bytes.subarray(start, start + width), out.length)
    else promote(cursor.bytes, start, out.bytes, out.length)
    out.length += widthAfter
  }
}

/** The elements of a list, or, with a step for the keys, the entries of a map. */
function elementsStep(key: Step | undefined, from: NestedPart, to: NestedPart): Step {
  if (to.required && !from.required) throw new TypeError('a part that may be null is not read as required')
  const step = stepOf(from.type, to.type)
  return (cursor, out) => {
    const count = readNestedCount(cursor)
    out.varint(count)
    const nullsAt = from.required ? -1 : skipNulls(cursor, count)
    const nullsTo = to.required ? -1 : appendNulls(out, count)
    for (let i = 0; i < count; i++) {
      key?.(cursor, out)
      if (from.required || !isNullBit(cursor.bytes, nullsAt, i)) step(cursor, out)
      else setNullBit(out.bytes, nullsTo, i)
    }
  }
}

interface FieldStep {
  readonly required: boolean
  /** Place of the field among those of the earlier type, or -1. */
  readonly source: number
  readonly step: Step | undefined
}

function structStep(
  from: Extract<NestedType, { readonly kind: 'struct' }>,
  to: Extract<NestedType, { readonly kind: 'struct' }>,
): Step {
  const sources = from.fields.map(({ type, required }) => ({ required, skip: skipperOf(type) }))
  const optional = from.fields.filter((field) => !field.required).length
  const optionalAfter = to.fields.filter((field) => !field.required).length
  const steps = to.fields.map((field): FieldStep => {
    const source = from.fields.findIndex(({ id }) => id === field.id)
    if (field.required && (source < 0 || !from.fields[source].required)) {
      throw new TypeError(`field "${field.name}" is required, but earlier values lack it`)
    }
    const step = source < 0 ? undefined : stepOf(from.fields[source].type, field.type)
    return { required: field.required, source, step }
  })
  // Fields may have changed places, so all are found before the first one is written.
  return (cursor, out) => {
    const nullsAt = skipNulls(cursor, optional)
    const starts: number[] = []
    let bit = 0
    for (const { required, skip } of sources) {
      const isAbsent = !required && isNullBit(cursor.bytes, nullsAt, bit++)
      starts.push(isAbsent ? -1 : cursor.at)
      if (!isAbsent) skip(cursor)
    }
    const end = cursor.at
    const nullsTo = appendNulls(out, optionalAfter)
    let bitAfter = 0
    for (const { required, source, step } of steps) {
      const start = source < 0 ? -1 : starts[source]
      if (start < 0) setNullBit(out.bytes, nullsTo, bitAfter)
      else {
        cursor.at = start
        step?.(cursor, out)
      }
      if (!required) bitAfter++
    }
    cursor.at = end
  }
}
