import { ByteWriter, RowCodec, t, table, toHex, type Column, type TableDefinition } from '@meru/core'
import { type Random, randomColumn, randomValue } from '@meru/testkit'

type Row = Record<string, unknown>
export type AnyDefinition = TableDefinition<'things', Row, Row, unknown>

/** A table with a column of every type and mode, and some of random nested types. */
export function randomTable(random: Random): AnyDefinition {
  const columns: Record<string, Column> = {
    id: t.int(),
    flag: t.boolean(),
    long: t.long(),
    safe: t.long({ mode: 'number' }),
    float: t.float(),
    double: t.double(),
    decimal: t.decimal(30, 5),
    date: t.date(),
    time: t.time(),
    local: t.timestamp(),
    'local micros': t.timestamp({ mode: 'bigint' }),
    moment: t.timestamptz(),
    'moment micros': t.timestamptz({ mode: 'bigint' }),
    'local nanos': t.timestampNs(),
    'moment nanos': t.timestamptzNs(),
    text: t.string(),
    uuid: t.uuid(),
    fixed: t.fixed(3),
    'the, "bytes"': t.binary(),
    'list of maps': t.list(t.map(t.string(), t.long().nullable())),
  }
  for (let i = 0; i < 3; i++) columns[`nested ${i}`] = randomColumn(random, 3)
  const nullable = Object.entries(columns).map(
    ([name, column]) => [name, name !== 'id' && random.oneIn(2) ? column.nullable() : column] as const,
  )
  return table('things', Object.fromEntries(nullable), { key: ['id'] })
}

export function randomRows(random: Random, { schema, modes }: AnyDefinition, count: number): Row[] {
  return Array.from({ length: count }, (_, id) =>
    Object.fromEntries(
      schema.columns.map((column) => {
        if (column.name === 'id') return ['id', id]
        const isNull = !column.required && random.oneIn(4)
        return [column.name, isNull ? null : randomValue(random, column, modes[column.name])]
      }),
    ),
  )
}

/** Each row as it is stored: equal for values that the table cannot tell apart, and for no others. */
export function stored(definition: AnyDefinition, rows: readonly Row[]): string[] {
  const codec = RowCodec.compile<Row>('things', definition.schema, definition.modes)
  return rows.map((row) => {
    const out = new ByteWriter()
    codec.encodeRow(row, out)
    return toHex(out.written())
  })
}

/** Bytes of the text in chunks that end anywhere, within characters too. */
export async function* chunksOf(random: Random, text: string): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + random.between(1, random.pick([2, 100, 70_000])))
    yield bytes.subarray(start, end)
    start = end
    await Promise.resolve()
  }
}

export async function collect<T>(source: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const rows of source) for (const row of rows) all.push(row)
  return all
}
