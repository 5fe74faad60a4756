import { MeruError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { tableDirectory } from '@meru/manifest'
import { checkedLocation, tableLocation } from './location.ts'

/** A directory of a file system that is, or is to become, an Iceberg table: it holds `metadata/`. */
export interface TablePlace {
  readonly fs: FileSystem
  /** Path of the directory; empty for the root. */
  readonly directory: string
}

/**
 * How data files come to readers: `hardlink` gives them a second name in the target, `copy` copies them, both once for
 * each file and for good; `reference` leaves them where the engine has them, and only metadata goes to the target.
 */
export type DataMode = 'hardlink' | 'copy' | 'reference'
export const DATA_MODES: readonly DataMode[] = ['hardlink', 'copy', 'reference']

/** A place other than the table's own directory. */
export interface ExportTarget {
  /** Its root becomes the directory of the Iceberg table. */
  readonly fs: FileSystem
  readonly mode: DataMode
  /** URI under which readers find the root, if it is not `fs.root`. */
  readonly location?: string | undefined
}

/** Where a table is published, and how data files come there. */
export interface Destination extends TablePlace {
  /** URI of the directory; metadata and delete files are named below it. */
  readonly location: string
  /** URI of the directory whose `data/` has the data files. */
  readonly dataLocation: string
  /** `undefined` in place: metadata joins the data files that are there. */
  readonly mode: DataMode | undefined
}

export function destinationOf(options: {
  readonly fs: FileSystem
  readonly table: { readonly name: string }
  readonly location?: string | undefined
  readonly target?: ExportTarget | undefined
}): Destination {
  const { fs, table, target } = options
  if (target !== undefined && !DATA_MODES.includes(target.mode)) {
    throw new TypeError(`mode is ${String(target.mode)}; one of ${DATA_MODES.join(', ')} expected`)
  }
  // Where nobody reads data files in the table's own directory, its path need not suit them.
  const own = (): string => tableLocation(fs.root, table.name, options.location)
  if (target === undefined) {
    const location = own()
    return { fs, directory: tableDirectory(table.name), location, dataLocation: location, mode: undefined }
  }
  const location = targetLocation(table.name, target)
  const dataLocation = target.mode === 'reference' ? own() : location
  return { fs: target.fs, directory: '', location, dataLocation, mode: target.mode }
}

/** URI of the directory of a target. Throws `INVALID` for one that readers would take for different files. */
export function targetLocation(table: string, { fs, location }: ExportTarget): string {
  return checkedLocation(`table ${table}, target`, fs.root, location)
}

/** Whether data files in the destination are the export's own, to be removed when no snapshot names them. */
export function ownsData({ mode }: Pick<Destination, 'mode'>): boolean {
  return mode === 'hardlink' || mode === 'copy'
}

/** The path of something in the directory of a table. */
export function pathIn({ directory }: Pick<TablePlace, 'directory'>, path: string): string {
  return directory === '' ? path : `${directory}/${path}`
}

/** How messages name a place. */
export function placeText({ fs, directory }: TablePlace): string {
  return directory === '' ? fs.root : `${fs.root}/${directory}`
}

/** Throws for a target that is where the engine has its files. */
export function requireApart(engine: FileSystem, target: FileSystem): void {
  const isWithin = target.root === engine.root || target.root.startsWith(`${engine.root}/`)
  if (!isWithin) return
  throw new MeruError(
    'INVALID',
    `${target.root} lies in the directory of the database, ${engine.root}; name one outside`,
  )
}
