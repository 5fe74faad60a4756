import { MeruError } from '@meru/core'
import { formatJson } from './json.ts'
import type { PublishedVersion } from './published-table.ts'
import type { RestAnswer, RestCatalogOptions, RestClient } from './rest-client.ts'
import { parseTableMetadata } from './table-metadata.ts'

/** How often a request is sent whose outcome stays open. */
export const ATTEMPTS_MAX = 6

/** A table's paths in the protocol. */
export interface TablePaths {
  /** The levels of the namespace. */
  readonly levels: readonly string[]
  readonly namespace: string
  readonly tables: string
  readonly table: string
}

export function tablePaths({ namespace }: RestCatalogOptions, name: string): TablePaths {
  const levels = typeof namespace === 'string' ? [namespace] : namespace
  if (levels.length === 0 || levels.some((level) => level === '')) {
    throw new TypeError('catalog: `namespace` is a name, or a list of names from the outermost level')
  }
  const above = `/namespaces/${levels.map(encodeURIComponent).join('%1F')}`
  return {
    levels,
    namespace: above,
    tables: `${above}/tables`,
    table: `${above}/tables/${encodeURIComponent(name)}`,
  }
}

/** The table in an answer. `what` stands for its file where the answer does not name one. */
export function publishedIn({ body }: RestAnswer, what: string): PublishedVersion {
  const { metadata, 'metadata-location': location } = body ?? {}
  const uri = typeof location === 'string' ? location : what
  const version = Number(/^v?(\d{1,15})/.exec(uri.slice(uri.lastIndexOf('/') + 1))?.[1] ?? 0)
  return { version, uri, metadata: parseTableMetadata(formatJson(metadata ?? null), uri) }
}

/** The answer, or `undefined` if it was lost. */
export async function answerOf(send: () => Promise<RestAnswer>): Promise<RestAnswer | undefined> {
  try {
    return await send()
  } catch (error) {
    // A failure of the engine's own is no answer that was lost.
    if (error instanceof MeruError) throw error
    return undefined
  }
}

/** An answer that settles the matter; `undefined` if there is none after several attempts. */
export async function settle(
  client: RestClient,
  send: () => Promise<RestAnswer>,
): Promise<RestAnswer | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const answer = await answerOf(send)
    if (answer !== undefined && answer.status < 500) return answer
    await client.pause(attempt)
  }
  return undefined
}
