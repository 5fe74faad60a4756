/** Every name that the export makes in the metadata directory of a table, made and parsed. */

export const VERSION_HINT = 'version-hint.text'
/** The metadata directory, relative to the table's. */
export const METADATA = 'metadata'
/** That of data files. */
export const DATA = 'data'

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const VERSION = /^v([1-9]\d{0,14})\.metadata\.json$/
const DELETES = new RegExp(`^(delete-(${UUID}-)?${UUID}\\.parquet|deletes-${UUID}\\.puffin)$`)
const MANIFEST = new RegExp(`^${UUID}-m\\d+\\.avro$`)
const MANIFEST_LIST = new RegExp(`^snap-\\d+-${UUID}\\.avro$`)
const DATA_FILE = new RegExp(`^${UUID}\\.parquet$`)
const TEMPORARY_DATA = new RegExp(`^${UUID}\\.parquet\\.${UUID}\\.tmp$`)
const TEMPORARY = new RegExp(`^(v\\d+\\.metadata\\.json|version-hint\\.text)\\.${UUID}\\.tmp$`)

export function versionName(version: number): string {
  return `v${version}.metadata.json`
}

/** The version in the name of a metadata file; `undefined` if it is no such name. */
export function parseVersionName(name: string): number | undefined {
  const digits = VERSION.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export function manifestListName(snapshotId: number, uuid: string): string {
  return `snap-${snapshotId}-${uuid}.avro`
}

export function manifestName(uuid: string, index: number): string {
  return `${uuid}-m${index}.avro`
}

/** A file of position deletes. */
export function deleteFileName(uuid: string): string {
  return `delete-${uuid}.parquet`
}

/** A file of deletion vectors. */
export function deletionVectorsName(uuid: string): string {
  return `deletes-${uuid}.puffin`
}

/** Whether the export made this name for a manifest, a manifest list or a delete file. */
export function isSnapshotFile(name: string): boolean {
  return DELETES.test(name) || MANIFEST.test(name) || MANIFEST_LIST.test(name)
}

/** A file that never got its name; what a crash leaves of a publication. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name)
}

/** Whether the export gave this name to a data file that it linked or copied, or was about to. */
export function isPlacedFile(name: string): boolean {
  return DATA_FILE.test(name) || TEMPORARY_DATA.test(name)
}

/** The name of an SST as a data file. */
export function dataFileName(id: string): string {
  return `${id}.parquet`
}
