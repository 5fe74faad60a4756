import {
  compareBytes,
  CorruptionError,
  sliceVector,
  type BytesVector,
  type I64Vector,
  type TableSchema,
  type Vector,
} from '@meru/core'
import { columnsOf } from './sst-columns.ts'

/** Rows for a writer, ascending by key. */
export interface SstBatch {
  readonly length: number
  /** Encoded keys. */
  readonly keys: BytesVector
  /** The user columns in schema order. */
  readonly columns: readonly Vector[]
  readonly seqnos: Float64Array
  /** Encoded values; needed on level 0, and only there. */
  readonly values?: BytesVector | undefined
}

/** Throws a `TypeError` unless the parts of a batch fit together and fit the schema. */
export function checkBatch(batch: SstBatch, schema: TableSchema, level: number): void {
  const { length } = batch
  const fail = (problem: string): never => {
    throw new TypeError(`batch of ${length} rows: ${problem}`)
  }
  if (batch.columns.length !== schema.columns.length) {
    fail(`${batch.columns.length} columns, schema ${schema.schemaId} has ${schema.columns.length}`)
  }
  columnsOf(schema, 1)
    .slice(0, schema.columns.length)
    .forEach((column, i) => {
      const vector = batch.columns[i]
      if (vector.physical !== column.physical || vector.length !== length) {
        fail(`column "${column.name}" is ${vector.length} × ${vector.physical}, ${column.physical} expected`)
      }
      if (vector.physical === 'fixed' && vector.width !== column.width) {
        fail(`column "${column.name}" has values of ${vector.width} bytes, ${column.width} expected`)
      }
      if (vector.validity !== undefined && !column.optional)
        fail(`column "${column.name}" is required but has nulls`)
    })
  if (batch.keys.length !== length || batch.seqnos.length !== length) fail('keys or seqnos of another length')
  if ((batch.values?.length ?? -1) !== (level === 0 ? length : -1))
    fail('values are for level 0, one for each row')
}

/** Throws unless the keys ascend, the first one being above `last`. */
export function checkOrder(keys: BytesVector, last: Uint8Array | undefined, file: string): void {
  const { bytes, offsets } = keys
  const fail = (before: Uint8Array, row: number): never => {
    const key = bytes.subarray(offsets[row], offsets[row + 1])
    throw new CorruptionError({ file }, `key ${describeKey(key)} is written after key ${describeKey(before)}`)
  }
  if (
    last !== undefined &&
    keys.length > 0 &&
    compareBytes(bytes, offsets[0], offsets[1], last, 0, last.length) <= 0
  ) {
    fail(last, 0)
  }
  for (let row = 1; row < keys.length; row++) {
    const start = offsets[row]
    if (compareBytes(bytes, offsets[row - 1], start, bytes, start, offsets[row + 1]) >= 0) {
      fail(bytes.subarray(offsets[row - 1], start), row)
    }
  }
}

const KEY_BYTES_SHOWN = 32

function describeKey(key: Uint8Array): string {
  const shown = Array.from(key.subarray(0, KEY_BYTES_SHOWN), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
  return key.length > KEY_BYTES_SHOWN ? `${shown}… (${key.length} bytes)` : shown
}

/** Bytes of the typed columns and seqnos of rows [from, to) before encoding. */
export function typedBytes(batch: SstBatch, from: number, to: number): number {
  return batch.columns.reduce((sum, vector) => sum + vectorBytes(vector, from, to), 8 * (to - from))
}

/** Bytes of a batch before encoding. */
export function batchBytes(batch: SstBatch): number {
  const typed = typedBytes(batch, 0, batch.length)
  if (batch.values === undefined) return typed
  return typed + vectorBytes(batch.keys, 0, batch.length) + vectorBytes(batch.values, 0, batch.length)
}

function vectorBytes(vector: Vector, from: number, to: number): number {
  if (vector.physical === 'bytes') return vector.offsets[to] - vector.offsets[from] + 4 * (to - from)
  const width = vector.physical === 'fixed' ? vector.width : vector.values.BYTES_PER_ELEMENT
  return width * (to - from)
}

export function sliceBatch(batch: SstBatch, from: number, to: number): SstBatch {
  if (from === 0 && to === batch.length) return batch
  return {
    length: to - from,
    keys: sliceBytes(batch.keys, from, to),
    columns: batch.columns.map((vector) => sliceVector(vector, from, to)),
    seqnos: batch.seqnos.subarray(from, to),
    values: batch.values && sliceBytes(batch.values, from, to),
  }
}

function sliceBytes(vector: BytesVector, from: number, to: number): BytesVector {
  return sliceVector(vector, from, to) as BytesVector
}

/** Seqnos as the column that holds them. */
export function seqnoVector(seqnos: Float64Array): I64Vector {
  const values = new BigInt64Array(seqnos.length)
  const words = new Int32Array(values.buffer)
  for (let i = 0; i < seqnos.length; i++) {
    const seqno = seqnos[i]
    words[2 * i] = seqno
    words[2 * i + 1] = Math.floor(seqno / 4294967296)
  }
  return { physical: 'i64', length: seqnos.length, values }
}
