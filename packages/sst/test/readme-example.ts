import { BytesBuilder, ByteWriter, RowCodec, Shredder, t, table } from '@meru/core'
import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { layoutFor, PAGE_MISS, PageCache, SstReader, SstWriter } from '../src/index.ts'

const { name, schema } = table('users', { id: t.int(), name: t.string() }, { key: ['id'] })
const codec = RowCodec.compile<{ id: number; name: string }, number>(name, schema)
const row = new ByteWriter()
const keys = new BytesBuilder()
const columns = new Shredder(schema)
for (const id of [1, 2, 3]) {
  row.clear()
  const end = codec.encodeRow({ id, name: `user ${id}` }, row)
  keys.append(row.bytes, 0, end)
  columns.append(row.bytes, 0, end, end, row.length)
}

const fs = new MemoryFs() // on disk: new NodeFs('/var/lib/app')
const file = { fs, path: 'users.parquet', schema }
const id = nodeEnvironment().uuid()
const writer = await SstWriter.create({ ...file, id, level: 1, layout: layoutFor(1) })
const seqnos = Float64Array.of(1, 2, 3)
await writer.append({ length: 3, keys: keys.finish(), columns: columns.finish(), seqnos })
const meta = await writer.finish() // row count, key range, column bounds, hash

const reader = await SstReader.open({ ...file, meta, cache: new PageCache({ bytesMax: 2 ** 24 }) })
const batch = await reader.readRows(0, meta.rows, [10, 11]) // vectors of rows [0, 3)

row.clear()
codec.encodeKey(2, row)
let position = reader.find(row.bytes, 0, row.length)
while (position === PAGE_MISS) {
  await reader.loadMissing()
  position = reader.find(row.bytes, 0, row.length)
}

export const found: unknown[] = [position, codec.rowAt(batch.columns, position)]
