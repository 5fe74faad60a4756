import { MeruError, type SeqNo, type SstMeta, type TableSchema } from '@meru/core'
import type { Change, SstFile } from '@meru/manifest'
import type { DeadPositions, SstReader } from '@meru/sst'
import { type DeadChange, discardDeadPositions, writeDeadChange } from './dead-changes.ts'
import type { Engine } from './engine.ts'
import { placeFiles } from './ingest-level.ts'
import { Shadows } from './ingest-shadow.ts'
import { tableState } from './ingest-table.ts'
import type { TableStore } from './table-store.ts'

/** New files, sorted by key and without overlaps, and their readers by id. */
export interface NewFiles {
  readonly files: readonly SstMeta[]
  /** The schema that they were written under. */
  readonly schema: TableSchema
  readonly readers: ReadonlyMap<string, SstReader>
}

export interface Loaded {
  readonly level: number
  /** Rows of the table that are dead now. */
  readonly replaced: number
  readonly seqno: SeqNo
}

/** Fewer rows that were not compared with the new ones yet are left for when writers wait. */
const ROWS_LEFT_MAX = 100_000
/** Compactions may make new files faster than they are looked at; then writers have to wait. */
const ROUNDS_MAX = 4

/**
 * Adds files to a table in one commit, as one write: it replaces what was written before, and is replaced by what is
 * written later. Writers of the table wait for the end of it, which is short: what can be done before is.
 */
export async function commitFiles(
  engine: Engine,
  table: TableStore,
  added: NewFiles,
  signal: AbortSignal,
): Promise<Loaded> {
  const breathe = async (): Promise<void> => {
    signal.throwIfAborted()
    await engine.env.yield()
  }
  const shadows = new Shadows([...added.readers.values()], breathe)
  await engine.background.flush(table, { seal: true })
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const missing = shadows.missing(table.version.files)
    if (missing.reduce((sum, { file }) => sum + file.rows, 0) <= ROWS_LEFT_MAX) break
    await addAll(engine, shadows, missing)
  }
  const turn = table.order.turns.take()
  try {
    await turn.before
    return await commitAlone(engine, table, added, shadows)
  } finally {
    turn.leave()
    engine.background.compactSoon(table)
  }
}

/** Looks at files while a pin keeps them from going. */
async function addAll(
  engine: Engine,
  shadows: Shadows,
  files: ReturnType<Shadows['missing']>,
): Promise<void> {
  const pin = engine.versions.pin()
  try {
    for (const file of files) await shadows.add(file)
  } finally {
    engine.versions.release(pin)
  }
}

/** The commit, while nobody writes to the table. */
async function commitAlone(
  engine: Engine,
  table: TableStore,
  added: NewFiles,
  shadows: Shadows,
): Promise<Loaded> {
  for (;;) {
    await engine.writes.settle()
    await engine.background.flush(table, { seal: true })
    const loaded = await table.order.commits.run(async () => {
      const missing = shadows.missing(table.version.files)
      for (const file of missing) await shadows.add(file)
      return install(engine, table, added, shadows)
    })
    // Undefined if a write came between all the same.
    if (loaded !== undefined) return loaded
  }
}

async function install(
  engine: Engine,
  table: TableStore,
  { files, readers, schema }: NewFiles,
  shadows: Shadows,
): Promise<Loaded | undefined> {
  const { versions, writes } = engine
  const state = tableState(engine, table, schema)
  const updates = deadUpdates(table, shadows)
  const level = placeFiles(files, { files: state.files, claims: table.order.claims.all })
  // Compactions are picked at any time: they must know before the commit does.
  const release = table.order.claims.hold({ inputs: [], level, ...rangeOf(files) })
  let written: DeadChange | undefined
  try {
    written = await writeDeadChange({ fs: versions.fs, env: engine.env }, table, updates.files)
    const { changes, dead } = written
    const seqno = await writes.beside(async (next, makeVisible) => {
      if (table.unflushedExcept(undefined) !== undefined) return false
      const edit = [...changes, ...additions(table, files, { level, seqno: next })]
      await versions.commit({ changes: edit }, { readers, dead }, () => {
        // The readers were opened with these objects, before the seqno was known.
        for (const file of files) Object.assign(file, { minSeqno: next, maxSeqno: next })
        table.install(versions.tableVersion(table.id))
        engine.history.changedUntold(table, next)
        makeVisible()
      })
      return true
    })
    if (seqno !== undefined) return { level, replaced: updates.rows, seqno }
    await discardDeadPositions(versions, written)
    return undefined
  } catch (error) {
    if (written !== undefined) await discardDeadPositions(versions, written)
    if (versions.outcomeUnknown) writes.stop(failureOf(error, table))
    throw error
  } finally {
    release()
  }
}

/** The keys of files that are in key order. */
function rangeOf(files: readonly SstMeta[]): { minKey: Uint8Array; maxKey: Uint8Array } {
  return { minKey: files[0].minKey, maxKey: files[files.length - 1].maxKey }
}

/** The grown dead sets of the files that lose rows. */
function deadUpdates(
  table: TableStore,
  shadows: Shadows,
): { files: { file: SstFile; dead: DeadPositions }[]; rows: number } {
  const files: { file: SstFile; dead: DeadPositions }[] = []
  let rows = 0
  for (const live of table.version.files) {
    const dead = live.dead.with(shadows.positions.get(live.file.id) ?? [])
    if (dead.cardinality === live.dead.cardinality) continue
    rows += dead.cardinality - live.dead.cardinality
    files.push({ file: live.file, dead })
  }
  return { files, rows }
}

/** The seqno of the commit holds for every row, whatever was written to the file before it was known. */
function additions(
  table: TableStore,
  files: readonly SstMeta[],
  { level, seqno }: { level: number; seqno: SeqNo },
): Change[] {
  const tableId = table.id
  const adds = files.map((file): Change => {
    return { kind: 'addFile', tableId, file: { ...file, level, minSeqno: seqno, maxSeqno: seqno } }
  })
  return [...adds, { kind: 'setFlushedSeqno', tableId, seqno }]
}

function failureOf(error: unknown, table: TableStore): MeruError {
  if (error instanceof MeruError) return error
  return new MeruError('POISONED', `table "${table.name}": a load may or may not be durable`, {
    cause: error,
  })
}
