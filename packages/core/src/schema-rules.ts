import { isNested, physicalOf, typeName, type ColumnType } from './column-type.ts'
import { fieldIdsOf, nestedTypeProblem } from './nested-type.ts'
import { FIRST_COLUMN_ID, type TableSchema } from './schema.ts'
import { partitionProblem } from './partition.ts'
import { isWellFormed } from './text.ts'

const TABLE_NAME = /^[A-Za-z0-9_-]{1,128}$/
const COLUMNS_MAX = 10_000

/** Names that the engine or the Iceberg specification ("Reserved Field IDs") keeps for itself. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  '_seqno',
  '_row',
  '_row_id',
  '_last_updated_sequence_number',
  '_file',
  '_pos',
  '_deleted',
  '_spec_id',
  '_partition',
  '_change_type',
  '_change_ordinal',
  '_commit_snapshot_id',
  '__proto__',
])

/** Throws a `TypeError` unless the text may name a table. */
export function checkTableName(name: string): void {
  if (typeof name !== 'string' || !TABLE_NAME.test(name)) {
    throw new TypeError(
      `table name ${JSON.stringify(name)} is not 1 to 128 letters, digits, "_" or "-" (it names a directory)`,
    )
  }
}

/** Throws a `TypeError` unless the schema keeps every rule of `docs/format/row.md`. */
export function checkSchema(table: string, schema: TableSchema): void {
  const fail = (problem: string): never => {
    throw new TypeError(`table "${table}": ${problem}`)
  }
  if (schema.columns.length === 0) fail('it has no columns')
  if (schema.columns.length > COLUMNS_MAX) fail(`${schema.columns.length} columns, at most ${COLUMNS_MAX}`)
  const names = new Set<string>()
  const ids = new Set<number>()
  for (const column of schema.columns) {
    const { id, name } = column
    const problem = columnNameProblem(name)
    if (problem !== undefined) fail(`column name ${JSON.stringify(name)} ${problem}`)
    if (names.has(name)) fail(`two columns are named "${name}"`)
    const nested = nestedTypeProblem(column.type, columnNameProblem)
    if (nested !== undefined) fail(`column "${name}" ${nested}`)
    for (const own of [id, ...fieldIdsOf(column.type)]) {
      if (ids.has(own)) fail(`two columns have the id ${own}`)
      if (!Number.isInteger(own) || own < FIRST_COLUMN_ID || own > schema.lastColumnId) {
        fail(`column "${name}" has the id ${own}, outside ${FIRST_COLUMN_ID} to ${schema.lastColumnId}`)
      }
      ids.add(own)
    }
    names.add(name)
    const bad =
      defaultProblem(column.type, column.initialDefault) ?? defaultProblem(column.type, column.writeDefault)
    if (bad !== undefined) fail(`column "${name}" has a default ${bad}`)
    if (isNested(column.type) && column.initialDefault !== undefined) {
      fail(
        `column "${name}" is a ${column.type.kind} with a default for earlier rows, which only scalars have`,
      )
    }
  }
  checkKey(schema, fail)
  const partition = partitionProblem(schema)
  if (partition !== undefined) fail(partition)
}

/** What is wrong with a default in hex, or `undefined`. */
function defaultProblem(type: ColumnType, hex: string | undefined): string | undefined {
  if (hex === undefined) return undefined
  const { physical, width } = physicalOf(type)
  if (physical === 'bytes' || hex.length === 2 * width) return undefined
  return `of ${hex.length / 2} bytes, where a ${typeName(type)} has ${width}`
}

function checkKey(schema: TableSchema, fail: (problem: string) => never): void {
  if (schema.key.length === 0) fail('it has no key; name at least one key column')
  if (new Set(schema.key).size !== schema.key.length) fail('a column is named twice in the key')
  for (const id of schema.key) {
    const column = schema.columns.find((candidate) => candidate.id === id)
    if (column === undefined) return fail(`the key names column id ${id}, which does not exist`)
    if (!column.required) fail(`key column "${column.name}" may be null; key columns are required`)
    if (column.writeDefault !== undefined || column.initialDefault !== undefined) {
      fail(
        `key column "${column.name}" has a default; rows that leave their key out would replace one another`,
      )
    }
    if (isNested(column.type)) {
      fail(`key column "${column.name}" is a ${column.type.kind}; key columns are scalars`)
    }
    if (column.type.kind === 'float' || column.type.kind === 'double') {
      fail(`key column "${column.name}" is a ${typeName(column.type)}, which has no order fit for a key`)
    }
  }
}

function columnNameProblem(name: string): string | undefined {
  if (typeof name !== 'string' || name === '') return 'is empty'
  if (!isWellFormed(name)) return 'holds half of a surrogate pair'
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'holds a control character'
  if (RESERVED_NAMES.has(name.toLowerCase())) return 'is reserved'
  return undefined
}
