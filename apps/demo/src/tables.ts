import { t, table, type InferInsert, type InferRow } from '@meru/db'

/** One row for each process that is alive. */
export const processes = table(
  'processes',
  {
    pid: t.int(),
    started: t.timestamptz(),
    name: t.string(),
    state: t.string(),
    cpu_seconds: t.double(),
    rss_bytes: t.long({ mode: 'number' }),
    threads: t.int().nullable(),
    command: t.string().nullable(),
    /** The tick that wrote the row: a later one never has a smaller number. */
    tick: t.int(),
  },
  { key: ['pid', 'started'] },
)

/** What was measured, for good. */
export const samples = table(
  'samples',
  {
    metric: t.string(),
    subject: t.string(),
    taken_at: t.timestamptz({ mode: 'bigint' }),
    value: t.double(),
  },
  { key: ['metric', 'subject', 'taken_at'] },
)

export type ProcessRow = InferRow<typeof processes>
export type SampleRow = InferRow<typeof samples>
export type SampleInsert = InferInsert<typeof samples>
