import type { FileSystem } from '@meru/fs'
import {
  dataDirectory,
  deletesDirectory,
  EPOCH_DIRECTORY,
  MANIFEST_DIRECTORY,
  TABLES_DIRECTORY,
  tableDirectory,
  WAL_DIRECTORY,
} from './file-names.ts'

/** Makes the directories of a database, durably. Must come before the epoch is claimed. */
export async function makeDatabaseDirectories(fs: FileSystem): Promise<void> {
  for (const directory of [EPOCH_DIRECTORY, MANIFEST_DIRECTORY, WAL_DIRECTORY, TABLES_DIRECTORY]) {
    await fs.makeDirectory(directory)
  }
  await fs.syncDirectory('')
}

/** Makes the directories of a table, durably. Must come before a version names a file of the table. */
export async function makeTableDirectories(fs: FileSystem, table: string): Promise<void> {
  await fs.makeDirectory(dataDirectory(table))
  await fs.makeDirectory(deletesDirectory(table))
  await fs.syncDirectory(tableDirectory(table))
  await fs.syncDirectory(TABLES_DIRECTORY)
}
