// Reads Iceberg tables with icebird; requests and answers are those of read_tables.py. A program of its own,
// for icebird leaves rejections behind that nobody handles.
import { icebergMetadata, icebergRead } from 'icebird'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Answer, Request } from './reader.ts'

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
    const chosen = snapshot === undefined ? metadata : { ...metadata, 'current-snapshot-id': snapshot }
    const found = metadata.snapshots?.find((each) => each['snapshot-id'] === chosen['current-snapshot-id'])
    // It takes a table without data for an error.
    if (found?.summary['total-data-files'] === '0') return { rows: [] }
    const rows = await icebergRead({ tableUrl, metadata: chosen })
    return { rows: rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, spell(v)]))) }
  } catch (error) {
    return { error: String(error) }
  }
}

function spell(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return String(BigInt(value.getTime()) * 1000n)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  throw new TypeError(`no text for a ${typeof value}`)
}
