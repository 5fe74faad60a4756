import type { ColumnType } from './column-type.ts'

/** The first field id of user columns; ids below belong to the engine (`_seqno` is 1, `_row` is 2). */
export const FIRST_COLUMN_ID = 10

/** One column as it is stored in the manifest. Identity is the field id, never the name. */
export interface ColumnDef {
  /** Iceberg field id, from `FIRST_COLUMN_ID` up; never reused within a table. */
  readonly id: number
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  /**
   * Hex of the value, in the form of encoded rows, that rows have which were written before the column was
   * there; null without it. Set when the column is added to a table, and never changed but by widening.
   */
  readonly initialDefault?: string
  /** Hex of the value that a written row gets where it says nothing of the column. */
  readonly writeDefault?: string
}

/** What tells the partitions of a table apart, as an Iceberg partition field. */
export interface PartitionField {
  /** Iceberg's id of the field, from 1000 up. */
  readonly id: number
  /** Field id of a key column. */
  readonly columnId: number
  /** Stays as it is when the column is renamed. */
  readonly name: string
  readonly transform: string
}

/** What a table looks like. Plain data: printable, comparable, persisted whole in the manifest. */
export interface TableSchema {
  /** Counts up by one with each change of the schema, from 0. */
  readonly schemaId: number
  readonly columns: readonly ColumnDef[]
  /** Field ids of the primary key, in key order. Key columns are required. */
  readonly key: readonly number[]
  /** Leading columns of the key by which files are cut and exports partitioned; never changed. Absent: by none. */
  readonly partition?: readonly PartitionField[]
  /** The highest field id ever given; never decreases. */
  readonly lastColumnId: number
}

/** The columns of the primary key, in key order. */
export function keyColumns(schema: TableSchema): ColumnDef[] {
  return schema.key.map((id) => {
    const column = schema.columns.find((candidate) => candidate.id === id)
    if (column === undefined) throw new TypeError(`schema ${schema.schemaId} has no column with id ${id}`)
    return column
  })
}
