import { nodeEnvironment, NodeFs } from '@meru/fs'
import {
  checkTable,
  type FilePlace,
  type IcebergCheck,
  type IcebergRebase,
  rebaseTable,
  registerTable,
  type RestCatalogOptions,
} from '@meru/iceberg'

/**
 * Reads an Iceberg table on the local disk from its hint down to every delete file and reports what breaks
 * the specification, or the narrower rules that all readers share. `directory` is the one that holds
 * `metadata/`; data files may lie elsewhere on the disk, as of an export that refers to them. Shares no code with the
 * export; nothing is written.
 */
export async function checkIceberg(directory: string): Promise<IcebergCheck> {
  const { parent, name } = placeOf(directory)
  return await checkTable(new NodeFs(parent), name, onDisk)
}

export interface RebaseOptions {
  /** URI under which readers find the directory; by default its path. */
  readonly location?: string | undefined
  /** Data files that lie elsewhere, where they have moved too: what their URIs began with, and begin with. */
  readonly data?: { readonly from: string; readonly to: string } | undefined
}

/**
 * Makes an Iceberg table on the local disk readable after its directory was moved or copied, with every snapshot: all but
 * the data files is written anew. Nobody may export the table meanwhile.
 */
export async function rebaseIceberg(directory: string, options: RebaseOptions = {}): Promise<IcebergRebase> {
  for (const name of Object.keys(options)) {
    if (name !== 'location' && name !== 'data')
      throw new TypeError(`rebaseIceberg() has no option "${name}"; it has location, data`)
  }
  const { parent, name } = placeOf(directory)
  return await rebaseTable({ fs: new NodeFs(parent), env: nodeEnvironment(), directory: name, ...options })
}

/**
 * Shows a published version in a catalog with Iceberg's REST protocol, under a name that is free there. Later exports to
 * the same directory do not show: for that, export with `catalog`.
 */
export async function registerIceberg(
  metadataFile: string,
  catalog: RestCatalogOptions & { readonly table: string },
): Promise<void> {
  await registerTable({ env: nodeEnvironment(), catalog, metadataFile })
}

/** The directory above, and the name in it. */
function placeOf(directory: string): { parent: string; name: string } {
  const [, parent = '.', name] = /^(?:(.*)\/)?([^/]+)\/*$/.exec(directory) ?? []
  if (name === undefined) throw new TypeError(`${JSON.stringify(directory)} is no directory of a table`)
  return { parent: parent === '' ? '/' : parent, name }
}

function onDisk(uri: string): FilePlace | undefined {
  const [, directory, name] = /^file:\/\/(.*)\/([^/]+)$/.exec(uri) ?? []
  return name === undefined ? undefined : { fs: new NodeFs(directory === '' ? '/' : directory), path: name }
}
