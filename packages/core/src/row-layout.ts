import { physicalOf, type ColumnType, type Physical } from './column-type.ts'
import { fromHex } from './hex.ts'
import type { TableSchema } from './schema.ts'

/** Where one column lies in the encoded row. */
export interface ColumnPlace {
  readonly id: number
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly physical: Physical
  /** Bytes of one value; 0 for `bytes`. */
  readonly width: number
  /** Position among the columns of the schema. */
  readonly index: number
  /** Position in the key, or -1. */
  readonly keyIndex: number
  /** Bit in the null bitmap, or -1 for required columns. */
  readonly nullBit: number
  /** For a value column of fixed width its offset in the value, else -1. */
  readonly offset: number
  /** For a value column of type `bytes` its position among those, else -1. */
  readonly variableIndex: number
  /** The value that a row gets which says nothing of the column, as encoded rows hold it. */
  readonly writeDefault: Uint8Array | undefined
}

/** The place of a value that stands by itself: a default, or a part of a nested value. */
export function loosePlace({ name, type }: Pick<ColumnPlace, 'name' | 'type'>): ColumnPlace {
  return {
    id: 0,
    name,
    type,
    required: true,
    ...physicalOf(type),
    index: 0,
    keyIndex: -1,
    nullBit: -1,
    offset: 0,
    variableIndex: -1,
    writeDefault: undefined,
  }
}

/** The shape of encoded rows of one schema; see `docs/format/row.md`. */
export interface RowLayout {
  /** All columns, in schema order. */
  readonly columns: readonly ColumnPlace[]
  /** The key columns, in key order. */
  readonly key: readonly ColumnPlace[]
  /** The other columns, in schema order. */
  readonly values: readonly ColumnPlace[]
  readonly nullBytes: number
  /** Where the table of end offsets starts: after bitmap and fixed-width columns. */
  readonly endsAt: number
  readonly variableCount: number
  /** Where the variable-length bytes start; no value is shorter. */
  readonly variableAt: number
}

/** Computes where each column lies. Pure; the same schema always yields the same layout. */
export function rowLayout(schema: TableSchema): RowLayout {
  let nullBits = 0
  for (const column of schema.columns) {
    if (!column.required && !schema.key.includes(column.id)) nullBits++
  }
  const nullBytes = (nullBits + 7) >>> 3
  let offset = nullBytes
  let nullBit = 0
  let variableCount = 0
  const columns = schema.columns.map((column, index): ColumnPlace => {
    const { physical, width } = physicalOf(column.type)
    const keyIndex = schema.key.indexOf(column.id)
    const isValue = keyIndex < 0
    const place = {
      id: column.id,
      name: column.name,
      type: column.type,
      required: column.required,
      physical,
      width,
      index,
      keyIndex,
      nullBit: isValue && !column.required ? nullBit++ : -1,
      offset: isValue && physical !== 'bytes' ? offset : -1,
      variableIndex: isValue && physical === 'bytes' ? variableCount++ : -1,
      writeDefault: column.writeDefault === undefined ? undefined : fromHex(column.writeDefault),
    }
    if (place.offset >= 0) offset += width
    return place
  })
  const key = schema.key.map((id) => {
    const place = columns.find((column) => column.id === id)
    if (place === undefined) throw new TypeError(`schema ${schema.schemaId} has no key column with id ${id}`)
    return place
  })
  return {
    columns,
    key,
    values: columns.filter((column) => column.keyIndex < 0),
    nullBytes,
    endsAt: offset,
    variableCount,
    variableAt: offset + 4 * variableCount,
  }
}
