import { fromHex, schemaSchema } from '@meru/core'
import { z } from 'zod'
import type { SstFile, TableState, WalFloor } from './state.ts'
import type { Change } from './version-edit.ts'

/** The body of an edit. */
export interface EditBody {
  readonly owner: string
  readonly changes: readonly Change[]
}

/** The body of a state; everything else of it is in the header. */
export interface StateBody {
  readonly owner: string
  readonly lastSeqno: number
  readonly walFloor: WalFloor
  readonly nextTableId: number
  readonly tables: readonly TableState[]
}

const count = z.int().nonnegative()

const bytes = z.string().transform((text, context) => {
  const decoded = fromHex(text)
  if (decoded !== undefined) return decoded
  context.addIssue({ code: 'custom', message: 'expected lower-case hex' })
  return z.NEVER
})

// A list of pairs, for a property may have any name, `__proto__` included.
const properties = z.array(z.tuple([z.string(), z.string()])).transform((pairs) => Object.fromEntries(pairs))

const deadRef = z.strictObject({ file: z.string(), offset: count, length: count, cardinality: count })

const columnStats = z.strictObject({
  id: count,
  values: count,
  nulls: count,
  nans: z.exactOptional(count),
  lower: z.exactOptional(bytes),
  upper: z.exactOptional(bytes),
  bytes: count,
})

const sstFile: z.ZodType<SstFile> = z.strictObject({
  id: z.string(),
  level: count,
  schemaId: count,
  rows: count,
  bytes: count,
  hash: z.string(),
  minKey: bytes,
  maxKey: bytes,
  minSeqno: count,
  maxSeqno: count,
  splitOffsets: z.array(count),
  columns: z.array(columnStats),
  dead: z.exactOptional(deadRef),
})

const walFloor = z.strictObject({ epoch: count, segment: count })

const tableState: z.ZodType<TableState> = z.strictObject({
  id: count,
  name: z.string(),
  schemas: z.array(schemaSchema),
  schemaId: count,
  flushedSeqno: count,
  files: z.array(sstFile),
  properties,
})

const change: z.ZodType<Change> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('createTable'),
    tableId: count,
    name: z.string(),
    schema: schemaSchema,
    properties,
  }),
  z.strictObject({ kind: z.literal('dropTable'), tableId: count }),
  z.strictObject({ kind: z.literal('setSchema'), tableId: count, schema: schemaSchema }),
  z.strictObject({ kind: z.literal('addFile'), tableId: count, file: sstFile }),
  z.strictObject({ kind: z.literal('removeFile'), tableId: count, fileId: z.string() }),
  z.strictObject({ kind: z.literal('setDead'), tableId: count, fileId: z.string(), dead: deadRef }),
  z.strictObject({ kind: z.literal('moveFile'), tableId: count, fileId: z.string(), level: count }),
  z.strictObject({ kind: z.literal('setFlushedSeqno'), tableId: count, seqno: count }),
  z.strictObject({
    kind: z.literal('setProperty'),
    tableId: count,
    name: z.string(),
    value: z.nullable(z.string()),
  }),
  z.strictObject({ kind: z.literal('setWalFloor'), floor: walFloor }),
  z.strictObject({ kind: z.literal('setLastSeqno'), seqno: count }),
])

const editBody: z.ZodType<EditBody> = z.strictObject({ owner: z.string(), changes: z.array(change) })

const stateBody: z.ZodType<StateBody> = z.strictObject({
  owner: z.string(),
  lastSeqno: count,
  walFloor,
  nextTableId: count,
  tables: z.array(tableState),
})

/** Checks the JSON of an edit. Throws an error that names the path of what is wrong. */
export function parseEditBody(json: unknown): EditBody {
  return parse(editBody, json)
}

/** Checks the JSON of a state. Throws an error that names the path of what is wrong. */
export function parseStateBody(json: unknown): StateBody {
  return parse(stateBody, json)
}

function parse<Body>(schema: z.ZodType<Body>, json: unknown): Body {
  // A manifest is read once: but for thousands of files, compiling the check takes longer than the check.
  const result = schema.safeParse(json, { jitless: true })
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Error(`${issue.path.join('.') || 'body'}: ${issue.message}`)
}
