// Reads Iceberg tables with icebird; requests and answers are those of read_tables.py. A program of its own,
// for icebird leaves rejections behind that nobody handles.
import { icebergMetadata, icebergRead } from 'icebird'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { doubleText, mapText, plainText } from '@meru/testkit/interop'
import type { Answer, Request, TextRow } from './reader.ts'

process.on('unhandledRejection', () => undefined)
globalThis.fetch = async (url, init) => {
  const bytes = await readFile(fileURLToPath(url as string))
  const [, first, last] = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
  if (first === undefined) return new Response(bytes)
  return new Response(bytes.subarray(Number(first), last === '' ? undefined : Number(last) + 1), {
    status: 206,
  })
}

const answers: Answer[] = []
for (const request of JSON.parse(await text(process.stdin)) as Request[]) {
  answers.push(await readWithIcebird(request))
}
process.stdout.write(JSON.stringify(answers))

async function readWithIcebird({ table, snapshot }: Request): Promise<Answer> {
  const tableUrl = `file://${table}`
  try {
    const metadata = await icebergMetadata({ tableUrl })
    const id = snapshot ?? metadata['current-snapshot-id']
    const found = metadata.snapshots?.find((each) => each['snapshot-id'] === id)
    // It takes the current schema for that of every snapshot.
    const schemaId = found?.['schema-id'] ?? metadata['current-schema-id']
    const current = id === undefined ? {} : { 'current-snapshot-id': id }
    const chosen = { ...metadata, ...current, 'current-schema-id': schemaId }
    // It takes a table without data for an error.
    if (found?.summary['total-data-files'] === '0') return { rows: [] }
    const schema = metadata.schemas.find((each) => each['schema-id'] === schemaId)
    const fields = (schema?.fields ?? []) as readonly Field[]
    const rows = await icebergRead({ tableUrl, metadata: chosen })
    const types = new Map(fields.map(({ name, type }) => [name, type]))
    const spelled = (row: Readonly<Record<string, unknown>>): TextRow =>
      Object.fromEntries(Object.entries(row).map(([k, v]) => [k, spell(types.get(k), v)]))
    return { rows: rows.map(spelled) }
  } catch (error) {
    return { error: String(error) }
  }
}

/** Types as the metadata has them. */
type Type =
  | string
  | { readonly type: 'struct'; readonly fields: readonly Field[] }
  | { readonly type: 'list'; readonly element: Type }
  | { readonly type: 'map'; readonly key: Type; readonly value: Type }

interface Field {
  readonly name: string
  readonly type: Type
}

/** Null within a list, a map or a struct is None. */
function part(type: Type | undefined, value: unknown): string {
  return spell(type, value) ?? 'None'
}

function spell(type: Type | undefined, value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (type === undefined) throw new TypeError('a column that the schema does not have')
  if (typeof type === 'object') return nested(type, value)
  const decimal = /^decimal\(\d+, ?(\d+)\)/.exec(type)
  if (decimal !== null) return decimalText(Number(value), Number(decimal[1]))
  if (type === 'float' || type === 'double') return doubleText(value as number)
  if (type === 'date') return (value as Date).toISOString().slice(0, 10)
  if (value instanceof Date) return String(BigInt(value.getTime()) * 1000n)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return plainText(value as string)
}

/** Its decimals are numbers of JavaScript. */
function decimalText(value: number, scale: number): string {
  if (Math.abs(value) * 10 ** scale > Number.MAX_SAFE_INTEGER)
    throw new Error('a decimal of more than 53 bits')
  return value.toFixed(scale)
}

function nested(type: Exclude<Type, string>, value: unknown): string {
  if (type.type === 'list')
    return `[${(value as readonly unknown[]).map((each) => part(type.element, each)).join(',')}]`
  if (type.type === 'struct') {
    const struct = value as Readonly<Record<string, unknown>>
    return `{${type.fields.map((field) => `${field.name}:${part(field.type, struct[field.name])}`).join(',')}}`
  }
  const entries = Object.entries(value as object)
  return mapText(entries.map(([k, v]) => `${part(type.key, k)}:${part(type.value, v)}`))
}
