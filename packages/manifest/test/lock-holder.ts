/** A process that takes the lock of a directory and holds it until it is killed. */
import { nodeEnvironment, NodeFs, nodeProcessProbe } from '@meru/fs'
import { acquireLock } from '../src/index.ts'

const fs = new NodeFs(process.argv[2])
await acquireLock({ fs, env: nodeEnvironment(), probe: nodeProcessProbe(), owner: 'first', takeover: false })
process.stdin.resume()
process.stdout.write('locked')
