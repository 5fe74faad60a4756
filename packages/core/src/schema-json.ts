import { z } from 'zod'
import type { ColumnType } from './column-type.ts'
import { MeruError } from './errors.ts'
import type { TableSchema } from './schema.ts'
import { checkSchema } from './schema-rules.ts'

const plainKinds = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
] as const

const nestedPart = { id: z.int().min(1), type: z.lazy(() => columnType), required: z.boolean() }

const columnType: z.ZodType<ColumnType> = z.union([
  z.strictObject({ kind: z.enum(plainKinds) }),
  z
    .strictObject({ kind: z.literal('decimal'), precision: z.int().min(1).max(38), scale: z.int().min(0) })
    .refine((type) => type.scale <= type.precision, 'scale above precision'),
  z.strictObject({ kind: z.literal('fixed'), length: z.int().min(1).max(65_535) }),
  z.strictObject({
    kind: z.literal('struct'),
    fields: z.array(z.strictObject({ ...nestedPart, name: z.string() })),
  }),
  z.strictObject({ kind: z.literal('list'), element: z.strictObject(nestedPart) }),
  z.strictObject({
    kind: z.literal('map'),
    key: z.strictObject(nestedPart),
    value: z.strictObject(nestedPart),
  }),
]) as z.ZodType<ColumnType>

const hex = z.string().regex(/^([0-9a-f]{2})*$/, 'expected lower-case hex')

const columnDef = z.strictObject({
  id: z.int().min(1),
  name: z.string(),
  type: columnType,
  required: z.boolean(),
  initialDefault: z.exactOptional(hex),
  writeDefault: z.exactOptional(hex),
})

const partitionField = z.strictObject({
  id: z.int().min(1),
  columnId: z.int().min(1),
  name: z.string(),
  transform: z.string(),
})

/** A `TableSchema` as it is persisted. Checks shapes; `parseTableSchema` also checks names, ids and key. */
export const schemaSchema: z.ZodType<TableSchema> = z.strictObject({
  schemaId: z.int().min(0),
  columns: z.array(columnDef),
  key: z.array(z.int().min(1)),
  partition: z.exactOptional(z.array(partitionField)),
  lastColumnId: z.int().min(1),
})

/**
 * The schema in parsed JSON that comes from outside or from disk. Throws `INVALID` with every problem;
 * callers that read a file turn it into a `CorruptionError` that names the file.
 */
export function parseTableSchema(json: unknown, table = 'unnamed'): TableSchema {
  const result = schemaSchema.safeParse(json, { jitless: true })
  if (!result.success) {
    throw new MeruError('INVALID', `schema of table "${table}": ${z.prettifyError(result.error)}`, {
      cause: result.error,
    })
  }
  try {
    checkSchema(table, result.data)
  } catch (error) {
    throw new MeruError('INVALID', `schema of ${(error as Error).message}`, { cause: error })
  }
  return result.data
}
