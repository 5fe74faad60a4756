import { MeruError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { publishedLineage, type ExportCache, type FormatVersion, type TableLineage } from '@meru/iceberg'
import type { Pin, TableState } from '@meru/manifest'
import type { TableVersion } from '@meru/view'
import { deferred } from './deferred.ts'
import type { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'

/** What readers of a published table call its rows, as far as this process knows. */
interface Knowledge {
  /** False until the metadata was read, and after a publication that may or may not have happened. */
  isKnown: boolean
  /** Reads it. One reading for all who ask, or a slow one would end with what was true before a publication. */
  loading: Promise<void> | undefined
  /** `undefined`: no version 3, no ids. */
  lineage: TableLineage | undefined
  /** Files of the version that is being published: they may have ids soon. */
  readonly publishing: Set<string>
  /** Ends with the publication that runs. */
  running: Promise<void>
}

const knowledge: WeakMap<TableStore, Knowledge> = new WeakMap()

function knowledgeOf(table: TableStore): Knowledge {
  const known = knowledge.get(table)
  if (known !== undefined) return known
  const made: Knowledge = {
    isKnown: false,
    loading: undefined,
    lineage: undefined,
    publishing: new Set(),
    running: Promise.resolve(),
  }
  knowledge.set(table, made)
  return made
}

async function load(fs: FileSystem, table: TableStore): Promise<Knowledge> {
  const known = knowledgeOf(table)
  if (known.isKnown) return known
  known.loading ??= readLineage(fs, table)
    .then((lineage) => {
      known.lineage = lineage
      known.isKnown = true
    })
    .finally(() => (known.loading = undefined))
  await known.loading
  return known
}

/** Metadata that cannot be read keeps no table from being compacted: it has to be published anew, with other ids. */
async function readLineage(fs: FileSystem, table: TableStore): Promise<TableLineage | undefined> {
  try {
    return await publishedLineage(fs, table.name, undefined)
  } catch (error) {
    if (error instanceof MeruError && error.code !== 'IO') return undefined
    throw error
  }
}

/** The lineage of a table's files, as it is when no publication runs; `undefined` if rows have no ids. */
export async function tableLineage(fs: FileSystem, table: TableStore): Promise<TableLineage | undefined> {
  await knowledgeOf(table).running
  return (await load(fs, table)).lineage
}

/**
 * Whether what a merge took for the lineage of its inputs still holds. Else readers may know its rows under ids
 * that the outputs lack. To be asked while nothing else can commit.
 */
export async function lineageHolds(
  fs: FileSystem,
  table: TableStore,
  taken: TableLineage | undefined,
  fileIds: readonly string[],
): Promise<boolean> {
  const { lineage, publishing } = await load(fs, table)
  return fileIds.every((id) => {
    const before = taken?.get(id)
    const now = lineage?.get(id)
    if (before === undefined) return now === undefined && !publishing.has(id)
    return now?.firstRowId === before.firstRowId && now.sequenceNumber === before.sequenceNumber
  })
}

/** A version that is being published. */
export interface Publication {
  readonly state: TableState
  readonly version: TableVersion
  /**
   * To be called at the end, with what the export remembers if it succeeded, or with `refused` if it failed before
   * anything could be published. Releases the pin.
   */
  readonly end: (outcome: ExportCache | 'refused' | undefined) => Promise<void>
}

function pinned(versions: VersionStore, table: TableStore): { pin: Pin; state: TableState } {
  const pin = versions.pin()
  const state = pin.state.tables.get(table.id)
  if (state !== undefined) return { pin, state }
  versions.release(pin)
  throw new MeruError('INVALID', `table "${table.name}" was dropped before it was exported`)
}

/** Pins the version to be exported elsewhere, where rows get no ids that files keep. */
export function pinnedVersion(versions: VersionStore, table: TableStore): Publication {
  const { pin, state } = pinned(versions, table)
  const end = (): Promise<void> => Promise.resolve(versions.release(pin))
  return { state, version: table.version, end }
}

/**
 * Pins the version to be published in place. A merge that began without ids for files of it cannot commit before the
 * publication ends, and then it is done over.
 */
export async function beginPublication(
  versions: VersionStore,
  table: TableStore,
  formatVersion: FormatVersion | undefined,
): Promise<Publication> {
  const known = await load(versions.fs, table)
  const hasIds = formatVersion === 3 || known.lineage !== undefined
  return await table.order.commits.run(async () => {
    const { pin, state } = pinned(versions, table)
    if (hasIds) for (const file of state.files) known.publishing.add(file.id)
    const ended = deferred<void>()
    known.running = ended.promise
    const end: Publication['end'] = async (outcome) => {
      if (outcome !== 'refused') {
        known.isKnown = outcome !== undefined
        known.lineage = outcome && (await publishedLineage(versions.fs, table.name, outcome))
      }
      known.publishing.clear()
      ended.resolve()
      versions.release(pin)
    }
    return { state, version: table.version, end }
  })
}
