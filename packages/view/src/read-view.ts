import type { SchemaProjection, SeqNo } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import type { TableVersion } from './table-version.ts'

/**
 * A table at one moment: what every read works on. The parts are taken together, so that a row is never
 * missed or seen twice while a flush moves it from a memtable to an SST.
 */
export interface ReadView {
  /** Newest first: the active one, then the sealed ones. */
  readonly memtables: readonly Memtable[]
  readonly version: TableVersion
  /** Entries with a higher seqno are not visible. */
  readonly seqno: SeqNo
  /** How entries of memtables are read that were written under an earlier schema. Absent if none was. */
  readonly projections?: ReadonlyMap<Memtable, SchemaProjection> | undefined
}
