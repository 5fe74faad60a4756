import type { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import {
  open,
  type Database,
  type OpenOptions,
  type Settings,
  t,
  table,
  type TableDefinition,
} from '../src/index.ts'

/** Sizes so small that a few hundred rows make many files, pages and row groups. */
export const TINY: Partial<Settings> = {
  memtableBytesMax: 4096,
  walSegmentBytes: 128 * 1024,
  walPreallocate: false,
  // So that threads take part.
  inlineFlushBytes: 0,
  l0CompactionFiles: 3,
  fileBytesTarget: 8 * 1024,
  levelRatio: 2,
  pageCacheBytes: 64 * 1024,
  manifestEditsPerState: 5,
  obsoleteGraceMs: 0,
  layout: {
    level0: { pageRows: 16, rowPageBytes: 256, rowGroupRows: 64 },
    deeper: { pageRows: 8, rowGroupRows: 32, compression: 'snappy' },
  },
}

export interface User {
  tenant: string
  id: number
  name: string
  age: number | null
  score: number | null
}
type NewUser = Pick<User, 'tenant' | 'id' | 'name'> & {
  age?: number | null | undefined
  score?: number | null | undefined
}

export const users: TableDefinition<'users', User, NewUser, Pick<User, 'tenant' | 'id'>> = table(
  'users',
  {
    tenant: t.string(),
    id: t.long({ mode: 'number' }),
    name: t.string(),
    age: t.int().nullable(),
    score: t.double().nullable(),
  },
  { key: ['tenant', 'id'] },
)

export interface Happening {
  at: bigint
  what: string | null
}

export const events: TableDefinition<
  'events',
  Happening,
  { at: bigint; what?: string | null | undefined },
  bigint
> = table('events', { at: t.long(), what: t.string().nullable() }, { key: ['at'] })

/** Opens a database in memory; the environment is seeded, its timers run for real. */
export function openMemory(fs: MemoryFs, options: OpenOptions & { seed?: number } = {}): Promise<Database> {
  const { seed, ...rest } = options
  const env = new TestEnvironment({ seed: seed ?? 1 })
  return open('memory', {
    ...rest,
    settings: { ...TINY, ...rest.settings },
    components: { fs, env, ...rest.components },
  })
}

export async function rowsOf<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = []
  for await (const row of rows) all.push(row)
  return all
}
