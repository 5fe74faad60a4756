import { open, type Table } from '@meru/db'
import { filterTable } from '@meru/testkit/interop'
import { join } from 'node:path'
import type { Filtered } from './exported.ts'
import { SETTINGS } from './histories.ts'

type Row = Record<string, unknown>

/**
 * Tables for conditions, with deleted rows in some files: in either version, with and without times of day. At most so many
 * conditions for each, evenly chosen.
 */
export async function makeFiltered(root: string, conditions: number): Promise<Filtered[]> {
  const made: Filtered[] = []
  for (const formatVersion of [2, 3] as const)
    for (const hasTimes of [true, false]) {
      const { filters, ...table } = await makeTable(root, formatVersion, hasTimes)
      made.push({ ...table, filters: chosen(filters, conditions) })
    }
  return made
}

/** At most so many of the conditions, evenly chosen. */
export function chosen(filters: Filtered['filters'], conditions: number): Filtered['filters'] {
  const step = Math.max(filters.cases.length / conditions, 1)
  const isChosen = (i: number): boolean => Math.floor(i / step) !== Math.floor((i - 1) / step)
  // Which rows are NaN has to be known for the others.
  const cases = filters.cases.filter(({ operator }, i) => operator === 'isNan' || isChosen(i))
  return { ...filters, cases }
}

async function makeTable(root: string, formatVersion: 2 | 3, hasTimes: boolean): Promise<Filtered> {
  const path = join(root, `filtered-${formatVersion}${hasTimes ? '' : '-without-times'}`)
  const { definition, files, deleted, cases } = filterTable()
  await using db = await open(path, { settings: SETTINGS })
  let bands = (await db.table(definition)) as Table
  for (const rows of files) {
    await bands.putMany([...rows])
    await bands.flush()
  }
  await bands.deleteMany([...deleted])
  if (!hasTimes) bands = await bands.alter<Row, Row, unknown>((a) => a.drop('moment'))
  const { metadataFile } = await bands.exportIceberg({ formatVersion })
  const asked = hasTimes ? cases : cases.filter(({ column }) => column !== 'moment')
  return {
    formatVersion,
    hasTimes,
    table: join(path, 'tables', definition.name),
    metadata: metadataFile.replace('file://', ''),
    filters: { cases: asked, files },
  }
}
