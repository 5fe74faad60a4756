import {
  ByteWriter,
  isNested,
  physicalOf,
  type ColumnType,
  type Physical,
  type TableSchema,
} from '@meru/core'
import { crc32 } from '@meru/fs'
import { nestedTree, type NestedLeaf, type NestedTree } from './nested-tree.ts'
import { ROW_ID, ROW_NAME, SEQNO_ID, SEQNO_NAME } from './format.ts'

/** One column of a file: the user's, or one of the engine's own. */
export interface SstColumn {
  /** Field id. */
  readonly id: number
  readonly name: string
  /** Absent for `_row`, which no other reader is meant to interpret. */
  readonly type: ColumnType | undefined
  readonly physical: Physical
  /** Bytes of a value; 0 if they vary. */
  readonly width: number
  /** Whether values may be absent. */
  readonly optional: boolean
  /** Of a nested column, whose values are stored leaf by leaf. */
  readonly tree?: NestedTree | undefined
  /** Of a leaf of a nested column. */
  readonly leaf?: NestedLeaf | undefined
}

/** The columns of a file in file order: the user's in schema order, `_seqno`, and on level 0 `_row`. */
export function columnsOf(schema: TableSchema, level: number): SstColumn[] {
  const columns: SstColumn[] = schema.columns.map((column) => {
    const { id, name, type, required } = column
    const { physical, width } = physicalOf(type)
    const tree = isNested(type) ? nestedTree(column) : undefined
    return { id, name, type, physical, width, optional: !required, tree }
  })
  const seqno = { id: SEQNO_ID, name: SEQNO_NAME, type: { kind: 'long' }, physical: 'i64', width: 8 } as const
  columns.push({ ...seqno, optional: false })
  if (level === 0) {
    columns.push({
      id: ROW_ID,
      name: ROW_NAME,
      type: undefined,
      physical: 'bytes',
      width: 0,
      optional: false,
    })
  }
  return columns
}

/** The columns as they are stored: each one itself, or its leaves. */
export function storedColumns(columns: readonly SstColumn[]): SstColumn[] {
  return columns.flatMap((column) => (column.tree === undefined ? [column] : leafColumns(column.tree)))
}

/** The leaves of a nested column, each as a column of its own. */
export function leafColumns({ leaves }: NestedTree): SstColumn[] {
  return leaves.map((leaf) => {
    const { id, path, type, physical, width, maxDefinition } = leaf
    return { id, name: path.join('.'), type, physical, width, optional: maxDefinition > 0, leaf }
  })
}

const PHYSICALS: readonly Physical[] = ['bool', 'i32', 'i64', 'f32', 'f64', 'fixed', 'bytes']

/** CRC of all that the bytes of a file depend on in its schema: ids, physical types, nullability, key. */
export function schemaCrc(schema: TableSchema): number {
  const out = new ByteWriter(64)
  for (const column of columnsOf(schema, 1)) {
    out.u32(column.id)
    out.u8(PHYSICALS.indexOf(column.physical))
    out.u8(column.optional ? 1 : 0)
    out.u32(column.width)
    for (const { id, physical, width, maxDefinition, maxRepetition } of column.tree?.leaves ?? []) {
      out.u32(id)
      out.u8(PHYSICALS.indexOf(physical))
      out.u8(maxDefinition)
      out.u8(maxRepetition)
      out.u32(width)
    }
  }
  for (const id of schema.key) out.u32(id)
  return crc32(out.bytes, 0, out.length)
}
