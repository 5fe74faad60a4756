import { createIfAbsent, MemoryFs, nodeEnvironment } from '../src/index.ts'

const fs = new MemoryFs() // or: new NodeFs('/var/lib/meru'), the same calls on a disk
await fs.makeDirectory('manifest')
await fs.syncDirectory('')
const won = await createIfAbsent(fs, nodeEnvironment(), 'manifest/1', Uint8Array.of(1, 2, 3))

const log = await fs.create('log', { exclusive: true })
await log.write(Uint8Array.of(4, 5), 0) // neither synced, nor is its name
const afterPowerLoss = fs.crash('drop')
const names = await afterPowerLoss.list('') // ['manifest']
const bytes = await afterPowerLoss.readFile('manifest/1') // 1, 2, 3

export const shown: unknown[] = [won, names, bytes]
