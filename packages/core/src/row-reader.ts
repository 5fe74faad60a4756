import { MeruError } from './errors.ts'
import { getBigint } from './int64.ts'
import { corruptKey, keyValueEnd, readKeyValue } from './key-codec.ts'
import type { PartReader } from './record-shape.ts'
import { readText } from './text.ts'
import { outsideOfRow, readU32, readValue, type ValueArea } from './value-area.ts'
import { unreadable, type ColumnPlan } from './value-codec.ts'

/**
 * The reader of each selected column of encoded rows: one function for each column, made once for a selection. The
 * common types have functions of their own, so that the compiled reader of a row calls each column's directly.
 */
export function columnReaders(
  area: ValueArea,
  key: readonly ColumnPlan[],
  plans: readonly ColumnPlan[],
): PartReader[] {
  return plans.map((plan) => (plan.keyIndex < 0 ? valueReader(area, plan) : keyReader(key, plan)))
}

function keyReader(key: readonly ColumnPlan[], plan: ColumnPlan): PartReader {
  if (plan.keyIndex === 0 && plan.type.kind === 'long' && plan.mode === 'number') return firstLong(key, plan)
  const isLast = plan.keyIndex === key.length - 1
  return (bytes, keyStart, keyEnd) => {
    let at = keyStart
    for (let i = 0; i < plan.keyIndex; i++) at = keyValueEnd(bytes, at, keyEnd, key[i])
    const next = keyValueEnd(bytes, at, keyEnd, plan)
    if (isLast && next !== keyEnd) throw keyTooLong(plan, keyEnd - next)
    return readKeyValue(bytes, at, next, plan)
  }
}

/** A long that the key begins with: big-endian, its sign bit flipped. */
function firstLong(key: readonly ColumnPlan[], plan: ColumnPlan): PartReader {
  const isLast = key.length === 1
  return (bytes, at, end) => {
    if (end - at < 8) throw corruptKey(plan, end - at)
    if (isLast && end - at !== 8) throw keyTooLong(plan, end - at - 8)
    const high =
      ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) ^ -0x80000000
    const low = (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]
    const value = high * 4294967296 + (low >>> 0)
    if (Number.isSafeInteger(value)) return value
    throw unreadable(plan, BigInt(high) * 4294967296n + BigInt(low >>> 0), 'mode "bigint"')
  }
}

function keyTooLong(plan: ColumnPlan, left: number): MeruError {
  return new MeruError('CORRUPT', `table "${plan.table}": an encoded key has ${left} bytes too many`)
}

function valueReader(area: ValueArea, plan: ColumnPlan): PartReader {
  const { kind } = plan.type
  if (kind === 'double') return doubleReader(plan)
  if (kind === 'int') return intReader(plan)
  if (kind === 'long' && plan.mode === 'number') return longReader(plan)
  if (kind === 'string') return stringReader(area, plan)
  return (bytes, _keyStart, _keyEnd, start, end) => readValue(area, plan, bytes, start, end)
}

const numbers = new DataView(new ArrayBuffer(8))

function doubleReader({ nullBit: bit, offset }: ColumnPlan): PartReader {
  return (bytes, _keyStart, _keyEnd, start) => {
    if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
    const at = start + offset
    numbers.setInt32(0, readI32(bytes, at + 4))
    numbers.setInt32(4, readI32(bytes, at))
    return numbers.getFloat64(0)
  }
}

function intReader({ nullBit: bit, offset }: ColumnPlan): PartReader {
  return (bytes, _keyStart, _keyEnd, start) => {
    if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
    return readI32(bytes, start + offset)
  }
}

function longReader(plan: ColumnPlan): PartReader {
  const { nullBit: bit, offset } = plan
  return (bytes, _keyStart, _keyEnd, start) => {
    if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
    const at = start + offset
    const value = readI32(bytes, at + 4) * 4294967296 + (readI32(bytes, at) >>> 0)
    if (Number.isSafeInteger(value)) return value
    throw unreadable(plan, getBigint(bytes, at), 'mode "bigint"')
  }
}

function stringReader({ layout }: ValueArea, plan: ColumnPlan): PartReader {
  const { nullBit: bit, variableIndex } = plan
  const { variableAt } = layout
  const endAt = layout.endsAt + 4 * variableIndex
  const isFirst = variableIndex === 0
  return (bytes, _keyStart, _keyEnd, start, end, block) => {
    if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
    const base = start + variableAt
    const from = isFirst ? base : base + readU32(bytes, start + endAt - 4)
    const to = base + readU32(bytes, start + endAt)
    if (to < from || to > end) throw outsideOfRow(plan)
    return block === undefined ? readText(bytes, from, to) : block.read(from, to)
  }
}

function readI32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
