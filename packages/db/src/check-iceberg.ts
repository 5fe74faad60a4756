import { NodeFs } from '@meru/fs'
import { checkTable, type FilePlace, type IcebergCheck } from '@meru/iceberg'

/**
 * Reads an Iceberg table on the local disk from its hint down to every delete file and reports what breaks
 * the specification, or the narrower rules that all readers share. `directory` is the one that holds
 * `metadata/`; data files may lie elsewhere on the disk, as of an export that refers to them. Shares no code with the
 * export; nothing is written.
 */
export async function checkIceberg(directory: string): Promise<IcebergCheck> {
  const [, parent = '.', name] = /^(?:(.*)\/)?([^/]+)\/*$/.exec(directory) ?? []
  if (name === undefined) throw new TypeError(`${JSON.stringify(directory)} is no directory of a table`)
  return await checkTable(new NodeFs(parent === '' ? '/' : parent), name, onDisk)
}

function onDisk(uri: string): FilePlace | undefined {
  const [, directory, name] = /^file:\/\/(.*)\/([^/]+)$/.exec(uri) ?? []
  return name === undefined ? undefined : { fs: new NodeFs(directory === '' ? '/' : directory), path: name }
}
