import { open, type Table, table } from '@meru/db'
import { firstColumns, Random, randomChange, randomRow } from '@meru/testkit'
import { CHANGES, type NamedChange, PEOPLE, person } from '@meru/testkit/interop'
import { join } from 'node:path'
import type { Exported } from './exported.ts'
import { SETTINGS, versionAt } from './histories.ts'
import { Publications } from './publications.ts'

type Row = Record<string, unknown>

const VERSIONS = [2, 3] as const

/** Each kind of change by itself: exports before it, after it, with rows of both schemas, and after a merge. */
export async function runChanges(root: string): Promise<Exported[]> {
  const exported: Exported[] = []
  for (const formatVersion of VERSIONS)
    for (const change of CHANGES) exported.push(...(await runChange(root, change, formatVersion)))
  return exported
}

async function runChange(root: string, change: NamedChange, formatVersion: 2 | 3): Promise<Exported[]> {
  const directory = join(root, `change-${formatVersion} ${change.name}`.replaceAll(' ', '-'))
  const publications = new Publications({ seed: 0, directory, kind: 'evolution' })
  await using db = await open(directory, { settings: SETTINGS })
  let people = (await db.table(PEOPLE)) as Table<Row, Row, number>
  const put = async (row: Row): Promise<void> => {
    await people.put(row)
    publications.put(people, row)
  }
  const publish = (rewrite: boolean): Promise<number> =>
    publications.publish(people, { formatVersion, rewrite })
  for (let id = 0; id < 20; id++) await put(person(id))
  await people.flush()
  await people.delete(3)
  await publish(false)
  await put(person(50))
  people = await people.alter<Row, Row, number>((a) => change.apply(a) as typeof a)
  const needsRewrite = formatVersion === 2 && change.needsRewrite === true
  await publish(needsRewrite)
  const [one] = await people.scan({ limit: 1 }).toArray()
  await put({ ...one, id: 100 })
  await people.delete(4)
  await publish(needsRewrite)
  await people.compact()
  await publish(false)
  return await publications.finish()
}

/** The columns of a table change at random between writes. Every second one is partitioned by its key. */
export async function runEvolution(root: string, seed: number, operations: number): Promise<Exported[]> {
  const directory = join(root, `evolution-${seed}`)
  const publications = new Publications({ seed, directory, kind: 'evolution' })
  const random = new Random(seed)
  let columns: ReturnType<typeof firstColumns> = firstColumns(random)
  await using db = await open(directory, { settings: SETTINGS })
  const declared = Object.fromEntries(columns.map(({ name, column }) => [name, column]))
  const partitionBy = seed % 2 === 0 ? [{ column: 'id', transform: 'truncate[10]' } as const] : []
  let changing = (await db.table(table('changing', declared, { key: ['id'], partitionBy }))) as Table
  // Version 2 has no defaults for old rows, so those are written anew.
  const publish = async (formatVersion: 2 | 3): Promise<void> => {
    await publications.publish(changing, { formatVersion, rewrite: formatVersion === 2 })
  }
  for (let i = 0; i < operations; i++) {
    const step = random.weighted(STEPS)
    if (step === 'put') {
      const { written } = randomRow(random, columns, random.below(40))
      await changing.put(written)
      publications.put(changing, written)
    } else if (step === 'delete') {
      await changing.delete(random.below(40))
    } else if (step === 'alter') {
      const change = randomChange(random, columns, { datesStay: true })
      columns = [...change.columns]
      changing = await changing.alter<Row, Row, unknown>((a) => change.apply(a))
    } else if (step === 'flush') {
      await changing.flush()
    } else if (step === 'compact') {
      await changing.compact()
    } else {
      await publish(versionAt(seed, i / operations))
    }
  }
  await publish(versionAt(seed, 1))
  return await publications.finish()
}

const STEPS = [
  [12, 'put'],
  [2, 'delete'],
  [3, 'alter'],
  [4, 'flush'],
  [1, 'compact'],
  [1.5, 'export'],
] as const
