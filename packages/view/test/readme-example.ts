import { ByteWriter, KIND_PUT, RowCodec, t, table } from '@meru/core'
import { Memtable } from '@meru/memtable'
import { countView, scanView, TableVersion, type ReadView } from '../src/index.ts'

interface Fruit {
  name: string
  colour: string
}
const { schema } = table('fruit', { name: t.string(), colour: t.string() }, { key: ['name'] })
const codec = RowCodec.compile<Fruit>('fruit', schema)
const memtable = new Memtable({ bytesMax: 2 ** 20 })
const put = (seqno: number, fruit: Fruit): void => {
  const out = new ByteWriter()
  const keyLength = codec.encodeRow(fruit, out)
  memtable.apply(out.bytes, 0, keyLength, keyLength, out.length, seqno, KIND_PUT)
}
put(1, { name: 'pear', colour: 'green' })
put(2, { name: 'fig', colour: 'blue' })
put(3, { name: 'pear', colour: 'yellow' })

// As it was after the second write; with SSTs, `version` holds them with their dead positions.
const view: ReadView = { memtables: [memtable], version: TableVersion.empty, seqno: 2 }
export const found: Fruit[] = []
for await (const batch of scanView(view, { schema, columnIds: codec.all.columnIds })) {
  found.push(...codec.rowsOf(batch.columns, 0, batch.length, codec.all))
}
export const count: number = await countView(view, { schema })
