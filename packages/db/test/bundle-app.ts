// An application that is bundled into one file: argv is the directory, then the worker's module if it says where it is.
import { pathToFileURL } from 'node:url'
import { open } from '../src/index.ts'
import { events } from './fixture.ts'

const [directory, worker] = process.argv.slice(2)
const happenings: string[] = []
const db = await open(directory, {
  settings: { autoCompaction: false, inlineFlushBytes: 0 },
  components: {
    ...(worker !== undefined && { workerEntry: pathToFileURL(worker) }),
    onEvent: ({ kind }) => void happenings.push(kind),
  },
})
const table = await db.table(events)
for (let part = 0; part < 3; part++) {
  await table.putMany(
    Array.from({ length: 100 }, (_, i) => ({ at: BigInt(i * 2 + part), what: `part ${part}` })),
  )
  await table.flush()
}
await table.compact()
const found = { rows: await table.count(), files: table.stats().files, happenings }
process.stdout.write(JSON.stringify(found))
await db.close()
