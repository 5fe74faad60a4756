import type { FileSystem } from '@meru/fs'
import { checkBounds } from './bounds-rules.ts'
import { mapOf, type LiveFile } from './manifest-rules.ts'
import type { StoredLineage } from './lineage-rules.ts'
import {
  compareStored,
  openParquet,
  parquetFacts,
  readLongs,
  readPositionDeletes,
  type ParquetFacts,
} from './parquet-file.ts'
import type { Report, Rule } from './report.ts'

const DELETE_PATH_ID = 2147483546
const DELETE_POSITION_ID = 2147483545
const ROW_ID = 2147483540
const LAST_UPDATED_ID = 2147483539
/** Field ids below are the engine's own and no part of any schema. */
const FIRST_COLUMN_ID = 10

/** Types of the columns of the table by field id, as the metadata names them. */
export type ColumnTypes = ReadonlyMap<number, string>

/** The rules for a data file, from its entry and its footer. Returns what it keeps of row lineage. */
export async function checkDataFile(
  fs: FileSystem,
  file: LiveFile,
  path: string,
  types: ColumnTypes,
  report: Report,
): Promise<StoredLineage | undefined> {
  const facts = await factsOf(fs, file, path, 'data-file', report)
  if (facts === undefined) return undefined
  const { record } = file
  const { columns } = facts
  const ids = columns.map((column) => column.fieldId)
  for (const { name, fieldId } of columns) {
    report.require(fieldId !== undefined && fieldId > 0, 'data-file', path, `column ${name} has no field id`)
  }
  report.require(new Set(ids).size === ids.length, 'data-file', path, 'two columns share a field id')
  const firstHidden = ids.findIndex((id) => id !== undefined && id < FIRST_COLUMN_ID)
  const isLast =
    firstHidden < 0 || ids.slice(firstHidden).every((id) => id !== undefined && id < FIRST_COLUMN_ID)
  report.require(isLast, 'data-file', path, 'a hidden column stands before a column of the table')
  report.equal(
    listText(record['split_offsets']),
    facts.groupOffsets.join(),
    'data-file',
    path,
    'split_offsets',
  )

  const sizes = mapOf(record['column_sizes'])
  const values = mapOf(record['value_counts'])
  const nulls = mapOf(record['null_value_counts'])
  for (const name of ['column_sizes', 'value_counts', 'null_value_counts', 'nan_value_counts']) {
    for (const id of mapOf(record[name]).keys()) {
      report.require(id >= FIRST_COLUMN_ID, 'data-file', path, `${name} has the hidden column ${id}`)
    }
  }
  for (const { name, fieldId, bytes, values: actual, isRepeated, nulls: actualNulls } of columns) {
    if (fieldId === undefined || !types.has(fieldId) || !values.has(fieldId)) continue
    report.equal(sizes.get(fieldId), bytes, 'data-file', path, `column_sizes of ${name}`)
    report.equal(values.get(fieldId), actual, 'data-file', path, `value_counts of ${name}`)
    if (isRepeated) {
      const hasBound = mapOf(record['lower_bounds']).has(fieldId) || nulls.has(fieldId)
      report.require(
        !hasBound,
        'data-file',
        path,
        `bounds or nulls of ${name}, of which a row has many values`,
      )
    } else if (actualNulls !== undefined) {
      report.equal(nulls.get(fieldId), actualNulls, 'data-file', path, `null_value_counts of ${name}`)
    }
  }
  checkBounds(record, { types, columns }, path, report)
  return storedLineage(fs, path, facts, report)
}

async function storedLineage(
  fs: FileSystem,
  path: string,
  { columns }: ParquetFacts,
  report: Report,
): Promise<StoredLineage | undefined> {
  const [rowId, updated] = [ROW_ID, LAST_UPDATED_ID].map((id) =>
    columns.find(({ fieldId }) => fieldId === id),
  )
  if (rowId === undefined && updated === undefined) return undefined
  const isLong = [rowId, updated].every((column) => column?.physical === 'INT64' && !column.isRequired)
  report.require(isLong, 'data-file', path, 'row lineage is two columns of optional longs')
  if (rowId === undefined || updated === undefined || !isLong) return undefined
  const parquet = await openParquet(fs, path)
  try {
    return {
      rowIds: await readLongs(parquet, rowId.name),
      updated: await readLongs(parquet, updated.name),
    }
  } finally {
    await parquet.close()
  }
}

/** Deleted positions by data file. */
export type DeletedRows = ReadonlyMap<string, readonly number[]>

/** The rules for a position delete file and the data files that it is about. */
export async function checkDeleteFile(
  fs: FileSystem,
  file: LiveFile,
  path: string,
  rowsOf: (uri: string) => number | undefined,
  report: Report,
): Promise<DeletedRows> {
  const deleted = new Map<string, number[]>()
  const facts = await factsOf(fs, file, path, 'delete-file', report)
  if (facts === undefined) return deleted
  const shape = facts.columns.map(
    (column) => `${column.fieldId} ${column.name} ${column.physical}${column.isRequired ? '' : '?'}`,
  )
  const expected = `${DELETE_PATH_ID} file_path BYTE_ARRAY, ${DELETE_POSITION_ID} pos INT64`
  report.equal(shape.join(', '), expected, 'delete-file', path, 'the schema')
  const parquet = await openParquet(fs, path)
  try {
    let last = { path: '', position: -1 }
    for (const row of await readPositionDeletes(parquet)) {
      const { path: target, position } = row
      const isAfter = target === last.path ? position > last.position : isPathAfter(target, last.path)
      report.require(isAfter, 'delete-file', path, `position ${position} after ${last.position}`)
      last = row
      const positions = deleted.get(target)
      if (positions === undefined) deleted.set(target, [position])
      else positions.push(position)
    }
  } finally {
    await parquet.close()
  }
  const isScoped = file.target !== undefined || deleted.size > 1
  report.require(isScoped, 'delete-file', path, 'rows about one data file, which the entry does not name')
  for (const [target, positions] of deleted) {
    const isNamed = file.target === undefined || file.target === target
    report.require(isNamed, 'delete-file', path, `rows about ${target}, the entry names ${file.target}`)
    checkInside(positions, rowsOf(target), path, report)
  }
  return deleted
}

/** Paths are in the order of their bytes, which is not that of UTF-16. */
function isPathAfter(path: string, last: string): boolean {
  const encoder = new TextEncoder()
  return compareStored(encoder.encode(path), encoder.encode(last)) > 0
}

export function checkInside(
  positions: readonly number[],
  dataRows: number | undefined,
  path: string,
  report: Report,
): void {
  const last = positions.at(-1) ?? -1
  const isInside = dataRows === undefined || last < dataRows
  report.require(isInside, 'delete-file', path, `position ${last} in a data file of ${dataRows} rows`)
}

/** What the footer says, if there is one; size and row count are compared. */
async function factsOf(
  fs: FileSystem,
  file: LiveFile,
  path: string,
  rule: Rule,
  report: Report,
): Promise<ParquetFacts | undefined> {
  const size = await fs.size(path)
  if (size === undefined) {
    report.add(rule, path, `the file does not exist; ${file.manifest} names it`)
    return undefined
  }
  report.equal(file.bytes, size, rule, path, 'file_size_in_bytes')
  const parquet = await openParquet(fs, path)
  try {
    const facts = await parquetFacts(parquet)
    report.equal(file.records, facts.rows, rule, path, 'record_count')
    return facts
  } catch (error) {
    report.add(rule, path, `not readable as Parquet: ${String(error)}`)
    return undefined
  } finally {
    await parquet.close()
  }
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.join() : ''
}
