import { t, table } from '@meru/core'
import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { checkTable, exportIceberg, retainedFiles } from '../src/index.ts'

const fs = new MemoryFs() // or: new NodeFs('/var/lib/meru')
const { name, schema } = table('orders', { id: t.long(), note: t.string() }, { key: ['id'] })
const orders = { id: 1, name, schemas: [schema], schemaId: 0, files: [] } // of a version in @meru/manifest
const options = { fs, env: nodeEnvironment(), table: orders, dead: () => undefined, snapshotsKept: 10 }

const first = await exportIceberg({ ...options, seqno: 0 }) // tables/orders/metadata/v1.metadata.json
const again = await exportIceberg({ ...options, seqno: 0 }) // the same version: nothing is written
const keep = await retainedFiles(fs, name) // what the engine must not remove yet
const { violations } = await checkTable(fs, `tables/${name}`) // what breaks the specification: nothing

export const shown: unknown[] = [first.version, again.unchanged, keep.size, violations]
