import { typeName, type ColumnType } from './column-type.ts'
import { keyColumns, type ColumnDef, type PartitionField, type TableSchema } from './schema.ts'

/** A column by which a table is partitioned, and what of its values tells partitions apart. */
export interface PartitionBy<Name extends string = string> {
  readonly column: Name
  readonly transform: Transform
}

/** Iceberg's transforms that keep the order of values. */
export type Transform = 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' | `truncate[${number}]`

/** The first id of a partition field, as Iceberg has it. */
const FIRST_PARTITION_FIELD_ID = 1000
const TRUNCATE = /^truncate\[([1-9][0-9]{0,8})\]$/
const BUCKET = /^bucket\[/
/** Avro, which Iceberg's manifests are written in, has no other names. */
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const SUFFIXES: Readonly<Record<string, string>> = {
  year: '_year',
  month: '_month',
  day: '_day',
  hour: '_hour',
  void: '_null',
}
const DAYS: readonly string[] = ['year', 'month', 'day']
const MOMENTS: readonly string[] = [...DAYS, 'hour']
const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  boolean: [],
  int: ['truncate'],
  long: ['truncate'],
  string: ['truncate'],
  date: DAYS,
  timestamp: MOMENTS,
  timestamptz: MOMENTS,
}

/** The width of `truncate[W]`; `undefined` for other transforms. */
export function truncateWidth(transform: string): number | undefined {
  const width = TRUNCATE.exec(transform)?.[1]
  return width === undefined ? undefined : Number(width)
}

/** The partition fields that a declaration asks for. Throws a `TypeError` if a column or a transform is none. */
export function definePartition(
  table: string,
  columns: readonly ColumnDef[],
  partitionBy: readonly PartitionBy[],
): PartitionField[] {
  return partitionBy.map(({ column: name, transform }, i) => {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) {
      throw new TypeError(`table "${table}": partitionBy names "${name}", which is no column`)
    }
    if (BUCKET.test(transform)) {
      throw new TypeError(
        `table "${table}": ${transform} of "${name}" scatters keys over all files; keep icebergBucket(n, value) ` +
          'in a column of its own as the first one of the key, and partition by that column with identity',
      )
    }
    const suffix = truncateWidth(transform) === undefined ? SUFFIXES[transform] : '_trunc'
    const field = transform === 'identity' ? name : `${name}${suffix ?? ''}`
    return { id: FIRST_PARTITION_FIELD_ID + i, columnId: column.id, name: field, transform }
  })
}

/** What is wrong with the partition fields of a schema, or `undefined`. */
export function partitionProblem(schema: TableSchema): string | undefined {
  const fields = schema.partition ?? []
  const keys = keyColumns(schema)
  if (fields.length > keys.length) return 'it is partitioned by more columns than its key has'
  for (const [i, field] of fields.entries()) {
    const column = keys[i]
    if (field.columnId !== column.id) {
      return `partition field "${field.name}" must be of the key column "${column.name}": partitions are leading columns of the key, in its order`
    }
    if (field.id !== FIRST_PARTITION_FIELD_ID + i)
      return `partition field "${field.name}" has the id ${field.id}`
    const problem = transformProblem(field.transform, column.type)
    if (problem !== undefined) return `key column "${column.name}" cannot be partitioned: ${problem}`
    if (field.transform !== 'identity' && i < fields.length - 1) {
      return `${field.transform} of "${column.name}" must be the last: columns behind it would be in no order`
    }
    if (!FIELD_NAME.test(field.name)) {
      return `partition field "${field.name}" is not named of letters, digits and "_" alone, as Avro wants it`
    }
    const taken = schema.columns.find(({ name }) => name === field.name)
    if (taken !== undefined && (field.transform !== 'identity' || taken.id !== field.columnId)) {
      return `column "${field.name}" has the name of a partition field; give it another`
    }
  }
  return new Set(fields.map(({ name }) => name)).size < fields.length
    ? 'two partition fields have one name'
    : undefined
}

function transformProblem(transform: string, type: ColumnType): string | undefined {
  const allowed = BY_TYPE[type.kind]
  if (allowed === undefined) {
    return `a ${typeName(type)} is none of ${Object.keys(BY_TYPE).join(', ')}; add such a column to the key`
  }
  const name = truncateWidth(transform) === undefined ? transform : 'truncate'
  if (name === 'identity' || name === 'void' || allowed.includes(name)) return undefined
  const known = ['identity', ...allowed.map((each) => (each === 'truncate' ? 'truncate[W]' : each)), 'void']
  return `${JSON.stringify(transform)} is none of ${known.join(', ')}`
}
