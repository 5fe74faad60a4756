import { type FileSystem, isExists, replaceDurably, sha256, type Environment, writeDurably } from '@meru/fs'
import { heldDirectory, isFileId, parseSstName, sstPath, tableDirectory } from '@meru/manifest'

const LOCATION_FILE = 'location'
const ID_DIGITS = 16
const TARGET_ID = /^[0-9a-f]{16}$/
const EMPTY = new Uint8Array(0)

/** An Iceberg table elsewhere that refers to files of a table. */
export interface ReferencedExport {
  /** URI of its directory. */
  readonly location: string
  /** Data files of the table that stay for it. */
  readonly files: number
}

/** What stays for one target. */
export interface Held {
  /** Stands for the location in names. */
  readonly target: string
  readonly ids: ReadonlySet<string>
}

/** A name for a location. */
export function targetId(location: string): string {
  return sha256().update(new TextEncoder().encode(location)).digestHex().slice(0, ID_DIGITS)
}

/**
 * Files that stay although no version names them, because an Iceberg table elsewhere refers to them: for each target a
 * directory with an empty file for each SST. So that no opening removes what a target needs, of which it may know
 * nothing else, a mark is made before the target names the file and goes after the target has let go.
 */
export async function heldFiles(fs: FileSystem, table: string): Promise<Held[]> {
  const held: Held[] = []
  for (const target of await fs.list(heldDirectory(table))) {
    if (TARGET_ID.test(target)) held.push({ target, ids: await heldBy(fs, table, target) })
  }
  return held
}

export async function heldBy(fs: FileSystem, table: string, target: string): Promise<Set<string>> {
  return new Set((await fs.list(`${heldDirectory(table)}/${target}`)).filter(isFileId))
}

/** Marks files as held, durably. `location` is that of the target. */
export async function holdFiles(
  place: { readonly fs: FileSystem; readonly env: Environment; readonly table: string },
  location: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const { fs, env, table } = place
  const directory = `${heldDirectory(table)}/${targetId(location)}`
  if ((await fs.size(`${directory}/${LOCATION_FILE}`)) === undefined) {
    await fs.makeDirectory(directory)
    await fs.syncDirectory(tableDirectory(table))
    await fs.syncDirectory(heldDirectory(table))
    await replaceDurably(fs, env, `${directory}/${LOCATION_FILE}`, new TextEncoder().encode(location))
  }
  for (const id of ids) {
    await writeDurably(fs, `${directory}/${id}`, EMPTY).catch((error: unknown) => {
      if (!isExists(error)) throw error
    })
  }
  await fs.syncDirectory(directory)
}

/** Takes back marks. What a crash leaves of them keeps files longer, no more. */
export async function releaseFiles(
  fs: FileSystem,
  table: string,
  target: string,
  ids: Iterable<string>,
): Promise<void> {
  for (const id of ids) await fs.remove(`${heldDirectory(table)}/${target}/${id}`)
}

/** Which tables elsewhere refer to files of this one. */
export async function referencedExports(fs: FileSystem, table: string): Promise<ReferencedExport[]> {
  const exports: ReferencedExport[] = []
  for (const { target, ids } of await heldFiles(fs, table)) {
    const bytes = await fs.readFile(`${heldDirectory(table)}/${target}/${LOCATION_FILE}`)
    if (bytes !== undefined) exports.push({ location: new TextDecoder().decode(bytes), files: ids.size })
  }
  return exports
}

/** Removes every mark of a target, or of all. */
export async function removeHolds(fs: FileSystem, table: string, target?: string): Promise<void> {
  const directory = heldDirectory(table)
  for (const name of target === undefined ? await fs.list(directory) : [target]) {
    for (const file of await fs.list(`${directory}/${name}`)) await fs.remove(`${directory}/${name}/${file}`)
    await fs.removeDirectory(`${directory}/${name}`)
  }
  await fs.removeDirectory(directory)
}

/** Paths of the SSTs. */
export function heldPaths(table: string, ids: Iterable<string>): Set<string> {
  return new Set([...ids].map((id) => sstPath(table, id)))
}

/** Ids of the SSTs at these paths. */
export function idsOf(paths: Iterable<string>): Set<string> {
  const ids = new Set<string>()
  for (const path of paths) {
    const id = parseSstName(path.slice(path.lastIndexOf('/') + 1))
    if (id !== undefined) ids.add(id)
  }
  return ids
}
