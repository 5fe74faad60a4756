import {
  isPresent,
  type ColumnDef,
  type I64Vector,
  type SstMeta,
  type TableSchema,
  type Vector,
} from '@meru/core'

/** Reserved field ids of Iceberg's row lineage (spec, "Reserved Field IDs"). Part of the format. */
export const ROW_LINEAGE_ID = 2147483540
export const LAST_UPDATED_ID = 2147483539

/**
 * The columns in which a file keeps what rows were called before they were moved into it. A row without
 * values is called by the place of its file.
 */
const LINEAGE_COLUMNS: readonly ColumnDef[] = [
  { id: ROW_LINEAGE_ID, name: '_row_id', type: { kind: 'long' }, required: false },
  { id: LAST_UPDATED_ID, name: '_last_updated_sequence_number', type: { kind: 'long' }, required: false },
]

export const LINEAGE_IDS: readonly number[] = LINEAGE_COLUMNS.map(({ id }) => id)

/** What a published data file lends to those of its rows that keep nothing of their own. */
export interface FileLineage {
  /** The row id of the row at position 0; the others follow. */
  readonly firstRowId: number
  /** Iceberg's data sequence number of the file. */
  readonly sequenceNumber: number
}

/** The schema of a file that keeps row lineage. Never persisted: `hasRowLineage` tells which files are so. */
export function withRowLineage(schema: TableSchema): TableSchema {
  return { ...schema, columns: [...schema.columns, ...LINEAGE_COLUMNS] }
}

export function hasRowLineage(meta: Pick<SstMeta, 'columns'>): boolean {
  return meta.columns.some(({ id }) => id === ROW_LINEAGE_ID)
}

/** The highest row id and sequence number that rows of a file keep; -1 where none does. */
export function lineageBounds(meta: Pick<SstMeta, 'columns'>): { rowId: number; sequenceNumber: number } {
  return { rowId: upperOf(meta, ROW_LINEAGE_ID), sequenceNumber: upperOf(meta, LAST_UPDATED_ID) }
}

function upperOf({ columns }: Pick<SstMeta, 'columns'>, id: number): number {
  const upper = columns.find((column) => column.id === id)?.upper
  if (upper === undefined) return -1
  const view = new DataView(upper.buffer, upper.byteOffset, upper.byteLength)
  return view.getInt32(4, true) * 4294967296 + view.getUint32(0, true)
}

/**
 * The lineage of rows [from, from + length) of a file, as the columns of the file that they move to: what
 * the file keeps of them (`stored`), else what it lends them, else nothing.
 */
export function lineageVectors(
  rows: { readonly from: number; readonly length: number },
  stored: readonly Vector[],
  file: FileLineage | undefined,
): Vector[] {
  const [rowIds, sequenceNumbers] = stored
  return [
    filledUp(rowIds, rows.length, file && { first: file.firstRowId + rows.from, step: 1 }),
    filledUp(sequenceNumbers, rows.length, file && { first: file.sequenceNumber, step: 0 }),
  ]
}

/** Where `stored` has no value: `first + step * row`, or none. */
function filledUp(
  stored: Vector | undefined,
  length: number,
  otherwise: { readonly first: number; readonly step: number } | undefined,
): I64Vector {
  const values = new BigInt64Array(length)
  const words = new Int32Array(values.buffer)
  const known = stored as I64Vector | undefined
  if (known !== undefined) {
    if (known.validity === undefined) return known
    values.set(known.values)
  }
  if (otherwise === undefined) {
    const validity = known?.validity ?? new Uint8Array((length + 7) >>> 3)
    return { physical: 'i64', length, values, validity }
  }
  const { first, step } = otherwise
  for (let row = 0; row < length; row++) {
    if (known !== undefined && isPresent(known, row)) continue
    const value = first + step * row
    words[2 * row] = value
    words[2 * row + 1] = Math.floor(value / 4294967296)
  }
  return { physical: 'i64', length, values }
}
