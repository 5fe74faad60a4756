import { ByteWriter, KIND_PUT, RowCodec, t, table, type SstMeta } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { Memtable } from '@meru/memtable'
import { DeadPositions, layoutFor, PageCache, SstReader } from '@meru/sst'
import { flushMemtable, resolveDead, type DeadRows, type FlushOutput } from '../src/index.ts'

const { schema } = table('users', { id: t.int(), name: t.string() }, { key: ['id'] })
const codec = RowCodec.compile('users', schema)
const fs = new MemoryFs() // or: new NodeFs('/var/lib/app')
let seqno = 0

/** Makes an SST of level 0 out of rows. */
async function flush(path: string, rows: { id: number; name: string }[]): Promise<FlushOutput> {
  const memtable = new Memtable({ bytesMax: 2 ** 20 })
  for (const row of rows) {
    const out = new ByteWriter()
    const keyLength = codec.encodeRow(row, out)
    memtable.apply(out.bytes, 0, keyLength, keyLength, out.length, ++seqno, KIND_PUT)
  }
  memtable.seal()
  const breathe = (): Promise<void> => Promise.resolve()
  return flushMemtable({ fs, id: path, path, schema, layout: layoutFor(0), memtable, breathe })
}

const first = await flush('first', [
  { id: 1, name: 'ann' },
  { id: 2, name: 'bob' },
])
const second = await flush('second', [{ id: 2, name: 'bea' }])

// What the second file replaces in the first: the row at position 1 is dead from here on.
const cache = new PageCache({ bytesMax: 2 ** 20 })
const meta = first.meta as SstMeta
const reader = await SstReader.open({ fs, path: 'first', meta, schema, cache })
export const died: DeadRows[] = await resolveDead(second.keys, [
  { id: 'first', reader, dead: DeadPositions.empty },
])
