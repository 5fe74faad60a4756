import { SEQNO_ID } from './format.ts'
import { columnIndex } from './row-scan.ts'
import type { SstFile } from './sst-file.ts'

/** Columns of a row. `columns` are their places if a row is to be read column by column. */
export interface ColumnSelection {
  readonly ids: readonly number[]
  readonly columns: readonly number[] | undefined
}

/**
 * Level 0 reads encoded rows. Deeper levels make encoded rows of whole pages, unless only columns with a small share of
 * the bytes are asked for, or one that is not in encoded rows.
 */
export function selectColumns(file: SstFile, ids: readonly number[]): ColumnSelection {
  if (file.rowColumn !== undefined) return { ids, columns: undefined }
  const columns = ids.map((id) => columnIndex(file, id))
  // Those of leaves are in those of their columns.
  const bytes = file.meta.columns.reduce(
    (sum, { id, bytes }) => sum + (file.columnById.has(id) ? bytes : 0),
    0,
  )
  const asked = file.meta.columns.reduce(
    (sum, column) => sum + (ids.includes(column.id) ? column.bytes : 0),
    0,
  )
  const isNarrow = asked * NARROW_SHARE < bytes
  return { ids, columns: isNarrow || ids.includes(SEQNO_ID) ? columns : undefined }
}

/** Columns with less than one in so many bytes are read on their own. */
const NARROW_SHARE = 3
