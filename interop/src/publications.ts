import { readFileSync } from 'node:fs'
import { checkIceberg, type Table, type Tags } from '@meru/db'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { join } from 'node:path'
import type { Exported } from './exported.ts'
import { keyText } from './problems.ts'

type Draft = Omit<Exported, 'isCurrent' | 'metadata' | 'partitions' | 'tags'>
type Row = Readonly<Record<string, unknown>>

export interface About {
  readonly seed: number
  /** Of the database. */
  readonly directory: string
  readonly kind: Exported['kind']
}

/** What was published of the tables of one database, and what was written to them in between. */
export class Publications {
  readonly directory: string
  readonly #about: About
  readonly #drafts: Draft[] = []
  readonly #newest: Map<string, { readonly snapshot: number; readonly metadata: string }> = new Map()
  /** By table: keys that were put since it was published. */
  readonly #written: Map<string, Set<string>> = new Map()

  /** By table: snapshots by their names. */
  readonly #tags: Map<string, Map<string, number>> = new Map()

  constructor(about: About) {
    this.#about = about
    this.directory = about.directory
  }

  /** A row is put. */
  put(table: Table, row: Row): void {
    const written = this.#written.get(table.name) ?? new Set()
    this.#written.set(table.name, written)
    const { schema } = table
    const columns = schema.columns.filter(({ id }) => schema.key.includes(id))
    const [text] = textRows({ ...schema, columns }, [row])
    written.add(keyText(text, keyNames(table)))
  }

  /** Publishes a table as it is; answers the snapshot. */
  async publish(
    table: Table,
    options: { readonly formatVersion: 2 | 3; readonly rewrite?: boolean; readonly tags?: Tags },
  ): Promise<number> {
    const { formatVersion, rewrite = false, tags = {} } = options
    const rows = await table.scan().toArray()
    const { snapshotId, deleteFiles, metadataFile } = await table.exportIceberg({
      formatVersion,
      rewrite,
      tags,
    })
    const place = this.#placeOf(table)
    this.#name(place, snapshotId, tags)
    this.#newest.set(place, { snapshot: snapshotId, metadata: metadataFile.replace('file://', '') })
    const written = this.#written.get(table.name) ?? new Set()
    if (this.#drafts.some((draft) => draft.table === place && draft.snapshot === snapshotId))
      return snapshotId
    this.#written.delete(table.name)
    const { columns } = table.schema
    const isNumber = (kind: string): boolean => kind === 'int' || kind === 'long'
    this.#drafts.push({
      seed: this.#about.seed,
      kind: this.#about.kind,
      formatVersion,
      table: place,
      columns: columns.map(({ name }) => name),
      key: keyNames(table),
      numbers: columns.filter(({ type }) => isNumber(type.kind)).map(({ name }) => name),
      snapshot: snapshotId,
      lines: sortedLines(textRows(table.schema, rows)),
      written,
      hasVectors: formatVersion === 3 && deleteFiles > 0,
    })
    return snapshotId
  }

  /** Ids of the snapshots that a table has. */
  snapshots(table: Table): number[] {
    const newest = this.#newest.get(this.#placeOf(table))
    return newest === undefined ? [] : snapshotsIn(newest.metadata)
  }

  #placeOf(table: Table): string {
    return join(this.directory, 'tables', table.name)
  }

  #name(place: string, current: number, tags: Tags): void {
    const named = this.#tags.get(place) ?? new Map<string, number>()
    this.#tags.set(place, named)
    for (const [name, what] of Object.entries(tags)) {
      if (what === null) named.delete(name)
      else named.set(name, what === 'current' ? current : what)
    }
  }

  /** All snapshots, when everything is published. Throws if the checker finds something. */
  async finish(): Promise<Exported[]> {
    const partitionsOf = new Map<string, number>()
    for (const place of this.#newest.keys()) {
      const { violations, partitions } = await checkIceberg(place)
      partitionsOf.set(place, partitions)
      if (violations.length === 0) continue
      throw new Error(`seed ${this.#about.seed}, ${place}: ${JSON.stringify(violations[0])}`)
    }
    return this.#drafts.map((draft) => {
      const last = this.#newest.get(draft.table)
      return {
        ...draft,
        tags: [...(this.#tags.get(draft.table) ?? [])].flatMap(([name, id]) =>
          id === draft.snapshot ? [name] : [],
        ),
        isCurrent: last?.snapshot === draft.snapshot,
        metadata: last?.metadata ?? '',
        partitions: partitionsOf.get(draft.table) ?? 0,
      }
    })
  }
}

/** Ids of the snapshots that a metadata file has. */
export function snapshotsIn(metadata: string): number[] {
  const { snapshots } = JSON.parse(readFileSync(metadata, 'utf8')) as {
    snapshots: { 'snapshot-id': number }[]
  }
  return snapshots.map((snapshot) => snapshot['snapshot-id'])
}

function keyNames({ schema }: Table): string[] {
  return schema.key.map((id) => schema.columns.find((column) => column.id === id)?.name ?? '')
}
