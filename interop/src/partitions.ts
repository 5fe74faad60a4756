import { type PartitionBy, t, table, type TableDefinition } from '@meru/db'

const COLUMNS = {
  site: t.string(),
  flag: t.boolean(),
  count: t.int(),
  id: t.long(),
  day: t.date(),
  local: t.timestamp(),
  instant: t.timestamptz({ mode: 'bigint' }),
  note: t.string().nullable(),
  amount: t.decimal(12, 2).nullable(),
} as const

type Name = keyof typeof COLUMNS

/** By which columns a table is partitioned, and what follows these in its key. */
interface Layout {
  readonly partitionBy: readonly PartitionBy<Name>[]
  readonly more?: Name
}

/** Every transform of every type between them; the first ones are those of the shortest runs. */
const LAYOUTS: readonly Layout[] = [
  { partitionBy: [by('site', 'identity'), by('instant', 'day')] },
  { partitionBy: [by('count', 'truncate[300000000]')], more: 'site' },
  { partitionBy: [by('flag', 'identity'), by('day', 'month')], more: 'count' },
  { partitionBy: [by('site', 'truncate[1]')], more: 'id' },
  { partitionBy: [by('id', 'identity'), by('local', 'hour')] },
  { partitionBy: [by('day', 'identity'), by('count', 'identity')] },
  { partitionBy: [by('instant', 'year')], more: 'flag' },
  { partitionBy: [by('site', 'identity'), by('id', 'truncate[1000000]')] },
  { partitionBy: [by('local', 'identity')], more: 'site' },
  { partitionBy: [by('flag', 'identity'), by('count', 'void')], more: 'id' },
  { partitionBy: [by('day', 'day')], more: 'instant' },
  { partitionBy: [by('local', 'month')], more: 'id' },
  { partitionBy: [by('day', 'year')], more: 'site' },
  { partitionBy: [by('instant', 'identity'), by('local', 'day')] },
  { partitionBy: [by('instant', 'hour')], more: 'count' },
]

function by(column: Name, transform: PartitionBy['transform']): PartitionBy<Name> {
  return { column, transform }
}

/** A table with partitions, which differ from seed to seed. */
export function partitionedTable(seed: number): TableDefinition {
  const { partitionBy, more } = LAYOUTS[(seed - 1) % LAYOUTS.length]
  const [first, ...others] = [
    ...partitionBy.map(({ column }) => column),
    ...(more === undefined ? [] : [more]),
  ]
  return table('visits', COLUMNS, { key: [first, ...others], partitionBy })
}
