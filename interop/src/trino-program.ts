// Reads Iceberg tables with Trino; requests and answers are those of read_tables.py. A program of its own, which ends with
// its server. The arguments are the path of a Java and the directory of the server.
import { doubleText, mapText, plainText } from '@meru/testkit/interop'
import { basename } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Answer, Request, TextRow } from './reader.ts'
import { type Signature, TrinoServer } from './trino-server.ts'

process.once('SIGTERM', () => process.exit(1))
const [java = '', home = ''] = process.argv.slice(2)
const requests = JSON.parse(await text(process.stdin)) as Request[]
const server = await TrinoServer.start(java, home)
/** By metadata file, as the server knows it. */
const tables = new Map<string, string>()
try {
  await server.ask('CREATE SCHEMA iceberg.meru')
  const answers: Answer[] = []
  for (const request of requests) answers.push(await answerTo(request))
  process.stdout.write(JSON.stringify(answers))
} finally {
  await server.stop()
}

async function answerTo(request: Request): Promise<Answer> {
  try {
    const source = await sourceOf(request)
    return request.aggregate === undefined
      ? await rowsOf(source)
      : await aggregateOf(source, request.aggregate)
  } catch (error) {
    return { error: String(error) }
  }
}

/** What stands after `FROM`. */
async function sourceOf({ table, metadata, snapshot, tag }: Request): Promise<string> {
  let name = tables.get(metadata)
  if (name === undefined) {
    name = `iceberg.meru.t${tables.size}`
    const place = ["'meru'", `'${name.split('.')[2]}'`, `'file://${table}'`, `'${basename(metadata)}'`]
    await server.ask(`CALL iceberg.system.register_table(${place.join(', ')})`)
    tables.set(metadata, name)
  }
  if (tag !== undefined) return `${name} FOR VERSION AS OF '${tag}'`
  return snapshot === undefined ? name : `${name} FOR VERSION AS OF ${snapshot}`
}

async function rowsOf(source: string): Promise<Answer> {
  const { columns, rows } = await server.ask(`SELECT * FROM ${source}`)
  const spelled = (row: readonly unknown[]): TextRow =>
    Object.fromEntries(columns.map(({ name, typeSignature }, i) => [name, spell(typeSignature, row[i])]))
  return { rows: rows.map(spelled) }
}

async function aggregateOf(source: string, names: readonly string[]): Promise<Answer> {
  const bounds = names.flatMap((name) => [`min("${name}")`, `max("${name}")`])
  const { rows } = await server.ask(`SELECT ${['count(*)', ...bounds].join(', ')} FROM ${source}`)
  const [count, ...found] = rows[0] as (string | null)[]
  const pairs = names.map((name, i) => [name, [found[2 * i] ?? null, found[2 * i + 1] ?? null]] as const)
  return { aggregate: { count: Number(count), ...Object.fromEntries(pairs) } }
}

/** Null within a list, a map or a struct is None. */
function part(type: Signature, value: unknown): string {
  return spell(type, value) ?? 'None'
}

function spell(type: Signature, value: unknown): string | null {
  if (value === null || value === undefined) return null
  switch (type.rawType) {
    case 'real':
      return doubleText(Math.fround(Number(value)))
    case 'double':
      return doubleText(Number(value))
    case 'varbinary':
      return Buffer.from(value as string, 'base64').toString('hex')
    case 'time':
      return String(microsOf('1970-01-01', value as string))
    case 'timestamp':
    case 'timestamp with time zone': {
      const [day = '', time = '', zone = 'UTC'] = (value as string).split(' ')
      if (zone !== 'UTC') throw new Error(`a moment in the zone ${zone}`)
      return String(microsOf(day, time))
    }
    case 'array':
    case 'map':
    case 'row':
      return nested(type, value)
    default:
      return plainText(value as string)
  }
}

function microsOf(day: string, time: string): bigint {
  const [seconds = '', fraction = ''] = time.split('.')
  return BigInt(Date.parse(`${day}T${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'))
}

function nested({ rawType, arguments: parts }: Signature, value: unknown): string {
  const types = parts.map((each) => each.value)
  if (rawType === 'array')
    return `[${(value as readonly unknown[]).map((one) => part(types[0], one)).join(',')}]`
  if (rawType === 'row') {
    const values = value as readonly unknown[]
    const fields = types.map(
      ({ fieldName, typeSignature }, i) =>
        `${fieldName?.name}:${part(typeSignature as Signature, values[i])}`,
    )
    return `{${fields.join(',')}}`
  }
  const entries = Object.entries(value as object)
  return mapText(entries.map(([key, one]) => `${part(types[0], key)}:${part(types[1], one)}`))
}
