import { t, table } from '@meru/core'
import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { claimEpoch, makeDatabaseDirectories, Manifest } from '../src/index.ts'

const fs = new MemoryFs()
const env = nodeEnvironment()
await makeDatabaseDirectories(fs)
const epoch = await claimEpoch({ fs, env, above: 0 }) // from here on older writers are fenced
const owner = env.uuid()
const manifest = await Manifest.open({ fs, env, epoch, owner, editsPerState: 50, statesKept: 2 })

const { schema } = table('users', { id: t.int(), name: t.string() }, { key: ['id'] })
await manifest.commit({
  changes: [{ kind: 'createTable', tableId: 1, name: 'users', schema, properties: {} }],
})
const seen = await Manifest.load(fs) // what any reader finds

export const shown: unknown[] = [seen, manifest.current]
