import { open, t, type Table, table, type TableDefinition } from '@meru/db'
import { Random } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { join } from 'node:path'
import type { Appended } from './exported.ts'
import { SETTINGS } from './histories.ts'

const STREAM: TableDefinition = table('stream', { id: t.int(), text: t.string() }, { key: ['id'] })
const ROWS_MAX = 30

/**
 * A table that gets new rows and is merged again and again, each in an export of its own. Readers of what came since
 * any snapshot must see the new rows, each once, and none that a merge wrote anew.
 */
export async function makeAppended(root: string, seed: number): Promise<Appended[]> {
  const formatVersion = seed % 2 === 0 ? 2 : 3
  const path = join(root, `stream-${seed}`)
  const random = new Random(`stream ${seed}`)
  await using db = await open(path, { settings: SETTINGS })
  const stream = (await db.table(STREAM)) as Table
  const rows: Record<string, unknown>[] = []
  const marks: { readonly after: number; readonly from: number }[] = []
  let metadata = ''
  for (let round = 0; round < 8; round++) {
    if (round > 0 && random.oneIn(2)) await stream.compact()
    else {
      const count = random.between(1, ROWS_MAX)
      const added = Array.from({ length: count }, (_, i) => ({ id: rows.length + i, text: `round ${round}` }))
      rows.push(...added)
      await stream.putMany(added)
    }
    const { snapshotId, metadataFile } = await stream.exportIceberg({ formatVersion })
    metadata = metadataFile.replace('file://', '')
    if (marks.at(-1)?.after !== snapshotId) marks.push({ after: snapshotId, from: rows.length })
  }
  const place = { formatVersion, table: join(path, 'tables', stream.name), metadata } as const
  return marks.slice(0, -1).map(({ after, from }) => ({
    ...place,
    after,
    lines: sortedLines(textRows(stream.schema, rows.slice(from))),
  }))
}
