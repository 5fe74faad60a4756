import { ByteWriter, CorruptionError, KIND_PUT, MeruError, readBatch, SchemaProjection } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { currentSchema, type DatabaseState, WAL_DIRECTORY } from '@meru/manifest'
import { replay, segmentName, type TornTail } from '@meru/wal'
import type { Settings } from './settings.ts'
import { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'

/** What opening found in the log. */
export interface RecoveryReport {
  /** Records of the log that were read. */
  readonly walRecords: number
  /** Writes that were in no SST yet. */
  readonly rows: number
  /** The end of the log was half-written, as a crash leaves it; what was cut was never acknowledged. */
  readonly tornTail?: TornTail
}

/** The tables of the current version, with empty memtables. */
export function tablesOf(versions: VersionStore, settings: Settings): Map<number, TableStore> {
  const tables = new Map<number, TableStore>()
  const { memtableBytesMax } = settings
  for (const table of versions.current.tables.values()) {
    const { id, name } = table
    const version = versions.tableVersion(id)
    tables.set(id, new TableStore({ id, name, schema: currentSchema(table), memtableBytesMax, version }))
  }
  return tables
}

/**
 * Applies the writes of the log that are in no SST yet to the memtables, in commit order. Returns the
 * highest seqno seen. Throws `CorruptionError` if the log is damaged before its end.
 */
export async function recoverLog(
  fs: FileSystem,
  state: DatabaseState,
  tables: ReadonlyMap<number, TableStore>,
): Promise<{ report: RecoveryReport; lastSeqno: number }> {
  await requireFloor(fs, state)
  let lastSeqno = state.lastSeqno
  let highest = 0
  let rows = 0
  const entry: { seqno: number; kind: 0 | 1 } = { seqno: 0, kind: 0 }
  const earlier = new EarlierRows(state)
  const after = state.walFloor.epoch === 0 ? {} : { after: { ...state.walFloor, offset: 0 } }
  const log = await replay({ fs, directory: WAL_DIRECTORY, ...after }, (payload, end) => {
    const where = {
      file: `${WAL_DIRECTORY}/${segmentName(end)}`,
      offset: Math.max(0, end.offset - payload.length),
    }
    const batch = readBatch(
      payload,
      where,
      (kind, seqno, tableId, schemaId, key, keyEnd, value, valueEnd) => {
        const table = tables.get(tableId)
        const flushed = state.tables.get(tableId)?.flushedSeqno ?? 0
        if (table === undefined || seqno <= flushed) return
        entry.seqno = seqno
        entry.kind = kind
        rows++
        if (schemaId === table.schema.schemaId || kind !== KIND_PUT) {
          table.apply(payload, key, keyEnd, value, valueEnd, entry)
          return
        }
        const projection = earlier.projection(tableId, schemaId, where.file)
        const row = earlier.row
        row.clear()
        row.append(payload.subarray(key, keyEnd))
        projection.rows.append(payload, value, valueEnd, row)
        table.apply(row.bytes, 0, keyEnd - key, keyEnd - key, row.length, entry)
      },
    )
    if (batch.firstSeqno <= highest) {
      throw new MeruError(
        'CORRUPT',
        `${where.file}: seqno ${batch.firstSeqno} after ${highest}; the log is out of order`,
      )
    }
    highest = batch.firstSeqno + batch.count - 1
    lastSeqno = Math.max(lastSeqno, highest)
  })
  const tornTail = log.tornTails.at(-1)
  return { report: { walRecords: log.records, rows, ...(tornTail && { tornTail }) }, lastSeqno }
}

/** Rows that were logged before a change of their table's schema, which the manifest has. */
class EarlierRows {
  readonly row: ByteWriter = new ByteWriter()
  private readonly state: DatabaseState
  private readonly known: Map<string, SchemaProjection> = new Map()

  constructor(state: DatabaseState) {
    this.state = state
  }

  projection(tableId: number, schemaId: number, file: string): SchemaProjection {
    const label = `${tableId} ${schemaId}`
    const known = this.known.get(label)
    if (known !== undefined) return known
    const table = this.state.tables.get(tableId)
    const schema = table?.schemas[schemaId]
    if (table === undefined || schema === undefined) {
      const name = table?.name ?? String(tableId)
      throw new CorruptionError({ file }, `a write under schema ${schemaId}, which table "${name}" never had`)
    }
    const made = new SchemaProjection(schema, currentSchema(table))
    this.known.set(label, made)
    return made
  }
}

/** The segment that the manifest names is made before it is named, so a log without it was lost. */
async function requireFloor(fs: FileSystem, { walFloor }: DatabaseState): Promise<void> {
  if (walFloor.epoch === 0) return
  const file = `${WAL_DIRECTORY}/${segmentName(walFloor)}`
  if ((await fs.size(file)) !== undefined) return
  throw new CorruptionError({ file }, 'is missing; the manifest says that the log begins there; restore it')
}
