import type { ColumnMode, ColumnModes, Columns, InsertOf, RowOf } from './column.ts'
import { definePartition, type PartitionBy } from './partition.ts'
import { withFieldIds } from './nested-type.ts'
import { FIRST_COLUMN_ID, type ColumnDef, type TableSchema } from './schema.ts'
import { writeDefaultOf } from './default-value.ts'
import { checkSchema, checkTableName } from './schema-rules.ts'

/** What `table()` makes: the schema of a table, and in its type the types of its rows. */
export interface TableDefinition<
  Name extends string = string,
  Row = unknown,
  Insert = unknown,
  Key = unknown,
> {
  readonly name: Name
  readonly schema: TableSchema
  readonly modes: ColumnModes
  /** These carry types for inference and have no value at run time. */
  readonly $row: Row
  readonly $insert: Insert
  readonly $key: Key
}

/** The rows that reads of a table give. */
export type InferRow<D extends { readonly $row: unknown }> = D['$row']
/** The rows that writes to a table take: columns that may be null, or have a default, may be left out. */
export type InferInsert<D extends { readonly $insert: unknown }> = D['$insert']
/** The primary key: the value itself for one column, else an object with a property for each column. */
export type InferKey<D extends { readonly $key: unknown }> = D['$key']

export type KeyOf<Row, K extends readonly PropertyKey[]> = K extends readonly [infer Only extends keyof Row]
  ? Row[Only]
  : { [P in K[number] & keyof Row]: Row[P] }

/**
 * Declares a table. `key` names the columns of the primary key, in order: required, neither float nor
 * double. `partitionBy` names leading ones of them by which files are cut and Iceberg exports partitioned, all but the last
 * with `identity`. Throws a `TypeError` that says what to change if the names or the key are not allowed.
 */
export function table<
  const Name extends string,
  C extends Columns,
  const K extends readonly [keyof C & string, ...(keyof C & string)[]],
>(
  name: Name,
  columns: C,
  options: { readonly key: K; readonly partitionBy?: readonly PartitionBy<K[number]>[] | undefined },
): TableDefinition<Name, RowOf<C>, InsertOf<C>, KeyOf<RowOf<C>, K>> {
  checkTableName(name)
  const definition = { name, ...defineSchema(name, columns, options.key, options.partitionBy) }
  return Object.freeze(definition) as TableDefinition<Name, RowOf<C>, InsertOf<C>, KeyOf<RowOf<C>, K>>
}

/**
 * The schema of columns in the order of their properties, with ids from `FIRST_COLUMN_ID`: first the columns, then the
 * parts of nested ones.
 */
export function defineSchema(
  table: string,
  columns: Columns,
  key: readonly string[],
  partitionBy: readonly PartitionBy[] = [],
): { schema: TableSchema; modes: ColumnModes } {
  const modes: Record<string, ColumnMode> = {}
  let lastColumnId = FIRST_COLUMN_ID + Object.keys(columns).length - 1
  const defs = Object.entries(columns).map(([name, column], index): ColumnDef => {
    if (column.mode !== undefined) modes[name] = column.mode
    const { type, isNullable } = column
    return {
      id: FIRST_COLUMN_ID + index,
      name,
      type: withFieldIds(type, () => ++lastColumnId),
      required: !isNullable,
      ...writeDefaultOf(table, name, column),
    }
  })
  const keyIds = key.map((name) => {
    const def = defs.find((candidate) => candidate.name === name)
    if (def === undefined) {
      const known = defs.map((candidate) => candidate.name).join(', ')
      throw new TypeError(`table "${table}": key column "${name}" is not declared; the columns are ${known}`)
    }
    return def.id
  })
  const schema: TableSchema = {
    schemaId: 0,
    columns: defs,
    key: keyIds,
    ...(partitionBy.length === 0 ? {} : { partition: definePartition(table, defs, partitionBy) }),
    lastColumnId,
  }
  checkSchema(table, schema)
  return { schema, modes }
}
