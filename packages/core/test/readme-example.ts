import { ByteWriter, RowCodec, t, table, type InferRow } from '../src/index.ts'

const columns = { city: t.string(), at: t.timestamptz(), note: t.string().nullable() }
const visits = table('visits', columns, { key: ['city', 'at'] })
type Visit = InferRow<typeof visits> // { city: string; at: Date; note: string | null }

const codec = RowCodec.compile<Visit>(visits.name, visits.schema, visits.modes)
const out = new ByteWriter()
const keyLength = codec.encodeRow({ city: 'Oslo', at: new Date(0) }, out)
const visit = codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)
const inOslo = codec.encodeRange({ prefix: { city: 'Oslo' } }) // bounds of encoded keys

export const shown: unknown[] = [visit, inOslo.lower]
