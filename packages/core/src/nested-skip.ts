import { isNested, physicalOf, type ColumnType } from './column-type.ts'
import {
  isNullBit,
  readNestedCount,
  readNestedVarint,
  skipNestedBytes,
  skipNulls,
  type NestedCursor,
} from './nested-bytes.ts'

/** How one value of the type is stepped over. */
export function skipperOf(type: ColumnType): (from: NestedCursor) => void {
  const { width } = physicalOf(type)
  if (!isNested(type)) {
    if (width > 0) return (from) => void skipNestedBytes(from, width)
    return (from) => void skipNestedBytes(from, readNestedVarint(from))
  }
  if (type.kind === 'struct') {
    const fields = type.fields.map((field) => ({ required: field.required, skip: skipperOf(field.type) }))
    const optional = fields.filter((field) => !field.required).length
    return (from) => {
      const nullsAt = skipNulls(from, optional)
      let bit = 0
      for (const { required, skip } of fields)
        if (required || !isNullBit(from.bytes, nullsAt, bit++)) skip(from)
    }
  }
  const key = type.kind === 'map' ? skipperOf(type.key.type) : undefined
  const { required, type: inner } = type.kind === 'map' ? type.value : type.element
  const skip = skipperOf(inner)
  return (from) => {
    const count = readNestedCount(from)
    const nullsAt = required ? -1 : skipNulls(from, count)
    for (let i = 0; i < count; i++) {
      key?.(from)
      if (required || !isNullBit(from.bytes, nullsAt, i)) skip(from)
    }
  }
}
