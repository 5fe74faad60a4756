import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import { refusal, RestClient, type RestCatalogOptions } from './rest-client.ts'
import { publishedIn, settle, tablePaths } from './rest-table.ts'

export interface RegisterOptions {
  readonly env: Environment
  readonly catalog: RestCatalogOptions & { readonly table: string }
  /** URI of the metadata file that the table is to have. */
  readonly metadataFile: string
}

/**
 * Puts a table into a catalog that has a metadata file already: the catalog shows that version, and no later one. No
 * error if it has it. Throws `INVALID` if there is another table of the name.
 */
export async function registerTable({ env, catalog, metadataFile }: RegisterOptions): Promise<void> {
  const client = new RestClient(catalog, env)
  const { namespace, table } = tablePaths(catalog, catalog.table)
  const path = `${namespace}/register`
  const body = { name: catalog.table, 'metadata-location': metadataFile }
  const answer = await settle(client, () => client.post(path, body))
  if (answer?.status === 200) return
  if (answer !== undefined && answer.status !== 409) throw refusal(`POST ${path}`, answer)
  // It is there; by this request, if that had an effect and no answer.
  const found = await client.get(table)
  if (found.status === 200 && publishedIn(found, metadataFile).uri === metadataFile) return
  throw answer === undefined
    ? new MeruError('IO', `POST ${path}: whether the table was registered is not known; try again`)
    : refusal(`POST ${path}`, answer)
}
