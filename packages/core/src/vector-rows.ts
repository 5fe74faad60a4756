import type { Selection } from './selection.ts'
import { readText } from './text.ts'
import { readVariable } from './value-area.ts'
import { copyBytes, type ColumnPlan, type FixedCodec } from './value-codec.ts'
import { isPresent, type BytesVector, type Vector } from './vector.ts'

const scratch = new ArrayBuffer(8)
const scratchBytes = new Uint8Array(scratch)
const scratchInt = new Int32Array(scratch)
const scratchLong = new BigInt64Array(scratch)

/** Row `index` of columns that are parallel to the selection. */
export function readRow(
  selection: Selection,
  columns: readonly Vector[],
  index: number,
): Record<string, unknown> {
  const plans = selection.plans
  const values: unknown[] = Array(plans.length)
  for (let i = 0; i < plans.length; i++) values[i] = readOne(plans[i], columns[i], index)
  return selection.shape.make(values)
}

/** Rows `from` to `to` of columns that are parallel to the selection. */
export function readRows(
  selection: Selection,
  columns: readonly Vector[],
  from: number,
  to: number,
): Record<string, unknown>[] {
  const values = selection.plans.map((plan, i) => readValues(plan, columns[i], from, to))
  return selection.shape.makeAll(values, to - from)
}

function readOne(plan: ColumnPlan, vector: Vector, index: number): unknown {
  checkPhysical(plan, vector)
  if (!isPresent(vector, index)) return null
  const { get } = plan.fixed ?? { get: undefined }
  switch (vector.physical) {
    case 'bool':
      return vector.values[index] !== 0
    case 'i32':
      scratchInt[0] = vector.values[index]
      return get?.(scratchBytes, 0, plan)
    case 'i64':
      scratchLong[0] = vector.values[index]
      return get?.(scratchBytes, 0, plan)
    case 'f32':
    case 'f64':
      return vector.values[index]
    case 'fixed':
      return get?.(vector.values, index * vector.width, plan)
    case 'bytes': {
      const start = vector.offsets[index]
      const end = vector.offsets[index + 1]
      return readVariable(plan, vector.bytes, start, end)
    }
  }
}

/** The JavaScript values `from` to `to` of a column. */
export function readValues(plan: ColumnPlan, vector: Vector, from: number, to: number): unknown[] {
  checkPhysical(plan, vector)
  const values =
    vector.physical === 'bytes'
      ? readTexts(plan, vector, from, to)
      : readFixed(plan, plan.fixed as FixedCodec, vector, from, to)
  if (vector.validity !== undefined) {
    for (let i = from; i < to; i++) if (!isPresent(vector, i)) values[i - from] = null
  }
  return values
}

function readFixed(
  plan: ColumnPlan,
  codec: FixedCodec,
  vector: Exclude<Vector, BytesVector>,
  from: number,
  to: number,
): unknown[] {
  if (vector.physical === 'f64') return readDoubles(vector.values, from, to)
  const { buffer, byteOffset, byteLength } = vector.values
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  const values: unknown[] = Array(to - from)
  for (let i = from; i < to; i++) values[i - from] = codec.get(bytes, i * plan.width, plan)
  return values
}

function readDoubles(values: Float64Array, from: number, to: number): number[] {
  const numbers: number[] = Array(to - from)
  for (let i = from; i < to; i++) numbers[i - from] = values[i]
  return numbers
}

function readTexts(plan: ColumnPlan, vector: BytesVector, from: number, to: number): unknown[] {
  const { bytes, offsets } = vector
  const values: unknown[] = Array(to - from)
  if (plan.type.kind !== 'string') {
    if (plan.nested === undefined) {
      for (let i = from; i < to; i++) values[i - from] = copyBytes(bytes, offsets[i], offsets[i + 1])
      return values
    }
    // The bytes of an absent value are no nested value.
    for (let i = from; i < to; i++) {
      if (isPresent(vector, i)) values[i - from] = plan.nested.read(bytes, offsets[i], offsets[i + 1])
    }
    return values
  }
  for (let row = from; row < to; row += BLOCK_ROWS) {
    const end = Math.min(to, row + BLOCK_ROWS)
    readBlock(vector, row, end, values, row - from)
  }
  return values
}

/** Texts that one native call makes. A value that is kept keeps the text of its block. */
const BLOCK_ROWS = 128

/** One native call for many texts: slices of the long text cost a fraction of a call each. */
function readBlock(
  { bytes, offsets }: BytesVector,
  from: number,
  to: number,
  into: unknown[],
  at: number,
): void {
  const start = offsets[from]
  const text = readText(bytes, start, offsets[to])
  if (text.length === offsets[to] - start) {
    // As many characters as bytes: all of them are ASCII, so that offsets of bytes are those of characters.
    for (let i = from; i < to; i++)
      into[at + i - from] = text.slice(offsets[i] - start, offsets[i + 1] - start)
  } else {
    for (let i = from; i < to; i++) into[at + i - from] = readText(bytes, offsets[i], offsets[i + 1])
  }
}

function checkPhysical(plan: ColumnPlan, vector: Vector): void {
  if (vector.physical === plan.physical) return
  throw new TypeError(
    `a vector of ${vector.physical} for the ${plan.physical} column "${plan.name}" of table "${plan.table}"`,
  )
}
