import { open, t, type Table, table, type TableDefinition } from '@meru/db'
import { join } from 'node:path'
import type { Exported } from './exported.ts'
import { SETTINGS } from './histories.ts'
import { Publications } from './publications.ts'

/** Beyond so many data files one delete file is about all of them. */
const MANY_FILES = 70
const ROWS = 10

const LEDGER: TableDefinition = table(
  'ledger',
  { id: t.int(), text: t.string(), amount: t.long() },
  { key: ['id'] },
)
const LONG: TableDefinition = table('long', { id: t.int(), amount: t.long() }, { key: ['id'] })
/** Positions of deletes beyond those of two bytes. */
const LONG_ROWS = 70_000
const ROW_GROUP_ROWS = 16_384

/** Tables with every form of deletes. */
export async function runDeletes(root: string): Promise<Exported[]> {
  return [
    ...(await runUpgrade(join(root, 'upgrade'))),
    ...(await runLongFile(join(root, 'long-2'), 2)),
    ...(await runLongFile(join(root, 'long-3'), 3)),
  ]
}

/** Numbers from `first` on. */
function range(first: number, count: number, step = 1): number[] {
  return Array.from({ length: count }, (_, i) => first + i * step)
}

/**
 * A table with every form of deletes at once: position delete files about one data file, several of them about one,
 * one about many, and, after it moved up to version 3, deletion vectors in place of some.
 */
async function runUpgrade(directory: string): Promise<Exported[]> {
  const publications = new Publications({ seed: 0, directory, kind: 'deletes' })
  await using db = await open(directory, { settings: SETTINGS })
  const ledger = (await db.table(LEDGER)) as Table
  const write = async (ids: readonly number[], text: string): Promise<void> => {
    const rows = ids.map((id) => ({ id, text: `${text} ${id}`, amount: BigInt(id) * 1_000_000_007n }))
    for (const row of rows) publications.put(ledger, row)
    await ledger.putMany(rows)
    await ledger.flush()
  }
  const publish = (formatVersion: 2 | 3): Promise<number> => publications.publish(ledger, { formatVersion })
  const firsts = range(0, MANY_FILES, ROWS)
  for (const first of firsts) await write(range(first, ROWS), 'first')
  await publish(2)
  // One row of every file: one delete file about all of them.
  await ledger.deleteMany(firsts.map((first) => first + 1))
  await publish(2)
  // One more row of a few, again and again: files about one data file each, and the fold of many.
  for (let round = 2; round < 7; round++) {
    await write(
      firsts.slice(0, 3).map((first) => first + round),
      'second',
    )
    await publish(2)
  }
  await publish(3)
  // Of files with either form of deletes, and of one without.
  await ledger.deleteMany([8, 18, MANY_FILES * ROWS - 2])
  await publish(3)
  await write([9, 19, 29, 700], 'third')
  await publish(3)
  await ledger.compact({ range: { gte: 0, lt: 300 } })
  await publish(3)
  // Rows of files that kept their ids, of one whose rows were dead before, and the last of a file.
  await ledger.deleteMany([0, 35, 305, ...range(400, ROWS)])
  await publish(3)
  await ledger.compact()
  await publish(3)
  return await publications.finish()
}

/** A file of several row groups, of which few rows are dead, then whole row groups, and the last row. */
async function runLongFile(directory: string, formatVersion: 2 | 3): Promise<Exported[]> {
  const publications = new Publications({ seed: 0, directory, kind: 'deletes' })
  const layout = { level0: { rowGroupRows: ROW_GROUP_ROWS }, deeper: { rowGroupRows: ROW_GROUP_ROWS } }
  await using db = await open(directory, { settings: { ...SETTINGS, memtableBytesMax: 1 << 26, layout } })
  const long = (await db.table(LONG)) as Table
  const rows = range(0, LONG_ROWS).map((id) => ({ id, amount: BigInt(id) << 20n }))
  for (const row of rows) publications.put(long, row)
  await long.putMany(rows)
  await long.flush()
  for (const ids of [
    [7, 65_535, 65_536, 65_537, LONG_ROWS - 1],
    [...range(ROW_GROUP_ROWS, ROW_GROUP_ROWS), ...range(0, 5000, 3)],
  ]) {
    await long.deleteMany(ids)
    await publications.publish(long, { formatVersion })
  }
  return await publications.finish()
}
