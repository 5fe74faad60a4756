import { ByteWriter, physicalOf, type ColumnType, type Physical, type TableSchema } from '@meru/core'
import { crc32 } from '@meru/fs'
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
}

/** The columns of a file in file order: the user's in schema order, `_seqno`, and on level 0 `_row`. */
export function columnsOf(schema: TableSchema, level: number): SstColumn[] {
  const columns: SstColumn[] = schema.columns.map(({ id, name, type, required }) => {
    const { physical, width } = physicalOf(type)
    return { id, name, type, physical, width, optional: !required }
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

const PHYSICALS: readonly Physical[] = ['bool', 'i32', 'i64', 'f32', 'f64', 'fixed', 'bytes']

/** CRC of all that the bytes of a file depend on in its schema: ids, physical types, nullability, key. */
export function schemaCrc(schema: TableSchema): number {
  const out = new ByteWriter(64)
  for (const column of columnsOf(schema, 1)) {
    out.u32(column.id)
    out.u8(PHYSICALS.indexOf(column.physical))
    out.u8(column.optional ? 1 : 0)
    out.u32(column.width)
  }
  for (const id of schema.key) out.u32(id)
  return crc32(out.bytes, 0, out.length)
}
