import {
  decodeDefault,
  exactMode,
  fromHex,
  typeName,
  type ColumnDef,
  type ColumnType,
  type TableSchema,
} from '@meru/core'
import { z } from 'zod'
import type { Value } from '@meru/formats/parts'
import { exactReader, type Json } from './cell.ts'
import { parseType, TYPE_NAMES } from './column-types.ts'
import { Failure } from './failure.ts'
import { jsonValue } from './row-text.ts'

/** A column as a schema file has it. One with an id is that column of the table, whatever its name. */
export interface FileColumn {
  readonly id: number | undefined
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly default: Value | undefined
}

const file = z.object({
  columns: z.array(
    z.strictObject({
      id: z.exactOptional(z.int()),
      name: z.string(),
      type: z.string(),
      required: z.boolean(),
      default: z.exactOptional(z.json()),
      initialDefault: z.exactOptional(z.unknown()),
    }),
  ),
})

/** A schema as `schema show --json` prints it, and as `schema diff` and `schema apply` take it. */
export function schemaJson(table: string, schema: TableSchema): object {
  const nameOf = (id: number): string | undefined => schema.columns.find((column) => column.id === id)?.name
  const columns = schema.columns.map(({ id, name, type, required, writeDefault, initialDefault }) => ({
    id,
    name,
    type: typeName(type),
    required,
    ...(writeDefault === undefined ? {} : { default: defaultJson({ name, type }, writeDefault) }),
    ...(initialDefault === undefined ? {} : { initialDefault: defaultJson({ name, type }, initialDefault) }),
  }))
  return { table, schemaId: schema.schemaId, key: schema.key.map(nameOf), columns }
}

/** The value of a default, with moments in their whole precision. */
export function defaultValue(column: Pick<ColumnDef, 'name' | 'type'>, hex: string): Value {
  return decodeDefault(column, exactMode(column.type), fromHex(hex) ?? new Uint8Array()) as Value
}

export function defaultJson(column: Pick<ColumnDef, 'name' | 'type'>, hex: string): Json {
  return jsonValue(column.type, defaultValue(column, hex))
}

/** The columns of a schema file. Throws with what is wrong in it. */
export function parseSchemaFile(text: string, path: string): FileColumn[] {
  const parsed = file.safeParse(parseJson(text, path))
  if (!parsed.success) {
    throw new Failure(`${path}: ${z.prettifyError(parsed.error).split('\n')[0]}`, {
      hint: '"meru schema show <database> <table> --json" prints the form',
    })
  }
  return parsed.data.columns.map((column): FileColumn => {
    const { id, name, required } = column
    const type = parseType(column.type)
    if (type === undefined) {
      throw new Failure(`${path}: column "${name}": "${column.type}" is not a type`, {
        hint: `the types are ${TYPE_NAMES}`,
      })
    }
    if (column.default === undefined) return { id, name, type, required, default: undefined }
    const value = column.default === null ? undefined : exactReader(type)(column.default)
    if (value === undefined) {
      throw new Failure(`${path}: column "${name}": ${JSON.stringify(column.default)} is no ${column.type}`)
    }
    return { id, name, type, required, default: value }
  })
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
