/**
 * Every name in a database directory that the manifest knows of, made and parsed. Names of log
 * segments belong to `@meru/wal`, names under `metadata/` to `@meru/iceberg`.
 */

/** One empty file for each takeover by a writer. */
export const EPOCH_DIRECTORY = 'epoch'
/** One file for each commit. */
export const MANIFEST_DIRECTORY = 'manifest'
/** The segments of the log. */
export const WAL_DIRECTORY = 'wal'
/** One directory for each table. */
export const TABLES_DIRECTORY = 'tables'
/** Says who has the database open; a courtesy, not what makes it safe. */
export const LOCK_FILE = 'LOCK'

const NUMBER_DIGITS = 16
const NUMBER_NAME = /^\d{16}$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TABLE_NAME = /^[A-Za-z0-9_-]{1,128}$/
// What `createIfAbsent` leaves behind if it does not come to its end, and what `hasHardLinks` makes.
const TEMPORARY_NAME = /^(?:.+\.)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.tmp$/
// Windows opens a device instead of a file for these names, in any case and in any directory.
const DEVICE_NAME = /^(con|prn|aux|nul|com\d|lpt\d)$/i
const SST_SUFFIX = '.parquet'
const PUFFIN_SUFFIX = '.puffin'

/** A number as a file name: zero-padded, so that names sort as the numbers do. */
function numberName(number: number): string {
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new TypeError(`${number} cannot name a file: a safe integer from 0 is needed`)
  }
  return String(number).padStart(NUMBER_DIGITS, '0')
}

function parseNumberName(name: string): number | undefined {
  if (!NUMBER_NAME.test(name)) return undefined
  const number = Number(name)
  return Number.isSafeInteger(number) ? number : undefined
}

/** The path of a manifest file. */
export function manifestPath(id: number): string {
  return `${MANIFEST_DIRECTORY}/${numberName(id)}`
}

/** The id in the name of a manifest file; `undefined` if it is no such name. */
export function parseManifestName(name: string): number | undefined {
  return parseNumberName(name)
}

/** The path of an epoch file. */
export function epochPath(epoch: number): string {
  return `${EPOCH_DIRECTORY}/${numberName(epoch)}`
}

/** The epoch in the name of an epoch file; `undefined` if it is no such name. */
export function parseEpochName(name: string): number | undefined {
  return parseNumberName(name)
}

/** Whether a string is a lower-case UUID, as ids of SSTs and of Puffin files are. */
export function isFileId(id: string): boolean {
  return UUID.test(id)
}

/** Whether a file of this name was to be renamed or linked, and is of no use after a crash. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name)
}

/**
 * Whether a table may have this name. A table's name is also the name of its directory, hence plain
 * ASCII. Two tables may not differ in case only: see `applyEdit`.
 */
export function isTableName(name: string): boolean {
  return TABLE_NAME.test(name) && !DEVICE_NAME.test(name)
}

/** The directory of a table. */
export function tableDirectory(table: string): string {
  return `${TABLES_DIRECTORY}/${table}`
}

/** The directory of a table's SSTs. */
export function dataDirectory(table: string): string {
  return `${TABLES_DIRECTORY}/${table}/data`
}

/** The directory of a table's dead positions. */
export function deletesDirectory(table: string): string {
  return `${TABLES_DIRECTORY}/${table}/deletes`
}

/** The directory of a table's Iceberg metadata. */
export function metadataDirectory(table: string): string {
  return `${TABLES_DIRECTORY}/${table}/metadata`
}

/** The directory of what keeps files for Iceberg tables elsewhere that refer to them: one directory for each. */
export function heldDirectory(table: string): string {
  return `${TABLES_DIRECTORY}/${table}/held`
}

/** The path of an SST. */
export function sstPath(table: string, id: string): string {
  return `${TABLES_DIRECTORY}/${table}/data/${id}${SST_SUFFIX}`
}

/** The id in the name of an SST; `undefined` if it is no such name. */
export function parseSstName(name: string): string | undefined {
  return parseIdName(name, SST_SUFFIX)
}

/** The path of a Puffin file of dead positions. */
export function puffinPath(table: string, id: string): string {
  return `${TABLES_DIRECTORY}/${table}/deletes/${id}${PUFFIN_SUFFIX}`
}

/** The id in the name of a Puffin file; `undefined` if it is no such name. */
export function parsePuffinName(name: string): string | undefined {
  return parseIdName(name, PUFFIN_SUFFIX)
}

function parseIdName(name: string, suffix: string): string | undefined {
  if (!name.endsWith(suffix)) return undefined
  const id = name.slice(0, -suffix.length)
  return isFileId(id) ? id : undefined
}
