import type { Selection } from './selection.ts'
import { readAscii, readText } from './text.ts'
import { copyBytes, fixedCodec, type ColumnPlan } from './value-codec.ts'
import { isPresent, type BytesVector, type Vector } from './vector.ts'

/** Row `index` of columns that are parallel to the selection. */
export function readRow(
  selection: Selection,
  columns: readonly Vector[],
  index: number,
): Record<string, unknown> {
  return readRows(selection, columns, index, index + 1)[0]
}

/** Rows `from` to `to` of columns that are parallel to the selection. */
export function readRows(
  selection: Selection,
  columns: readonly Vector[],
  from: number,
  to: number,
): Record<string, unknown>[] {
  const values = selection.plans.map((plan, i) => readColumn(plan, columns[i], from, to))
  const rows: Record<string, unknown>[] = []
  for (let row = 0; row < to - from; row++) {
    const object: Record<string, unknown> = {}
    for (let i = 0; i < values.length; i++) object[selection.names[i]] = values[i][row]
    rows.push(object)
  }
  return rows
}

/** The JavaScript values `from` to `to` of a column. */
export function readColumn(plan: ColumnPlan, vector: Vector, from: number, to: number): unknown[] {
  if (vector.physical !== plan.physical) {
    const message = `a vector of ${vector.physical} for the ${plan.physical} column "${plan.name}" of table "${plan.table}"`
    throw new TypeError(message)
  }
  const values =
    vector.physical === 'bytes' ? readBytes(plan, vector, from, to) : readFixed(plan, vector, from, to)
  if (vector.validity !== undefined) {
    for (let i = from; i < to; i++) if (!isPresent(vector, i)) values[i - from] = null
  }
  return values
}

function readFixed(
  plan: ColumnPlan,
  vector: Exclude<Vector, BytesVector>,
  from: number,
  to: number,
): unknown[] {
  const { get } = fixedCodec(plan.type, plan.mode)
  const { buffer, byteOffset, byteLength } = vector.values
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  const values: unknown[] = []
  for (let i = from; i < to; i++) values.push(get(bytes, i * plan.width, plan))
  return values
}

function readBytes(plan: ColumnPlan, vector: BytesVector, from: number, to: number): unknown[] {
  const { bytes, offsets } = vector
  const values: unknown[] = []
  if (plan.type.kind !== 'string') {
    for (let i = from; i < to; i++) values.push(copyBytes(bytes, offsets[i], offsets[i + 1]))
    return values
  }
  const start = offsets[from]
  if (!isAscii(bytes, start, offsets[to])) {
    for (let i = from; i < to; i++) values.push(readText(bytes, offsets[i], offsets[i + 1]))
    return values
  }
  const text = readAscii(bytes, start, offsets[to])
  for (let i = from; i < to; i++) values.push(text.slice(offsets[i] - start, offsets[i + 1] - start))
  return values
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] > 0x7f) return false
  return true
}
