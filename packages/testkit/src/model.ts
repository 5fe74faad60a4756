import type { TableDefinition } from '@meru/core'
import type { KeyShape, Range } from './key-order.ts'
import { normalise, rowsEqual, selected, showValue, type Row, type Value } from './rows.ts'
import type { TableChange } from './table-change.ts'
import { TableHistory } from './table-history.ts'

/** One write of a batch. */
export type Write =
  | { readonly kind: 'put'; readonly table: string; readonly row: Row }
  | { readonly kind: 'delete'; readonly table: string; readonly key: KeyShape }

/** What a scan asks for beside its range. */
export interface ScanShape {
  readonly range?: Range
  readonly reverse?: boolean
  readonly limit?: number
  readonly select?: readonly string[]
}

/** Rows by table name, in key order: a whole database. */
export type State = ReadonlyMap<string, readonly Row[]>

/**
 * What a database should hold: every batch is one version, and every version can still be read. So a
 * snapshot is a number, and the state after n batches, which a crash may bring back, is version n.
 */
export class Model {
  readonly #tables: ReadonlyMap<string, TableHistory>
  #version = 0

  constructor(definitions: readonly TableDefinition[]) {
    this.#tables = new Map(definitions.map((definition) => [definition.name, new TableHistory(definition)]))
  }

  /** How many batches were committed. */
  get version(): number {
    return this.#version
  }

  /** Commits a batch; a later write to a key wins. Returns the new version. */
  commit(writes: readonly Write[]): number {
    this.#version++
    for (const write of writes) {
      const table = this.history(write.table)
      if (write.kind === 'put') {
        const row = normalise(table.definition, write.row, table.at().defaults)
        table.set(table.order.valuesOf(row), this.#version, row)
      } else {
        table.set(table.order.partsOf(write.key), this.#version, undefined)
      }
    }
    return this.#version
  }

  /** Changes the columns of a table; a version of its own, in which no row is written. */
  alter(table: string, change: TableChange): number {
    this.history(table).alter(change, ++this.#version)
    return this.#version
  }

  get(table: string, key: KeyShape, version: number = this.#version): Row | undefined {
    const history = this.history(table)
    return history.get(history.at(version).order.partsOf(key), version)
  }

  scan(table: string, shape: ScanShape = {}, version: number = this.#version): Row[] {
    const rows = [...this.history(table).scan(version, shape.range ?? {})]
    if (shape.reverse === true) rows.reverse()
    return rows.slice(0, shape.limit).map((row) => selected(row, shape.select))
  }

  state(version: number = this.#version): State {
    return new Map([...this.#tables.keys()].map((name) => [name, this.scan(name, {}, version)]))
  }

  /** The states after 0, 1, 2 … batches, from a version on. */
  *prefixes(from = 0): Generator<{ version: number; state: State }, void, undefined> {
    for (let version = from; version <= this.#version; version++)
      yield { version, state: this.state(version) }
  }

  /**
   * The newest version from `atLeast` on whose state is what was found, or `undefined` if there is none.
   * Follows the keys that differ from version to version instead of comparing whole states.
   */
  prefixOf(found: State, atLeast = 0): number | undefined {
    const rows = new Map<TableHistory, Map<string, Row>>()
    for (const table of this.#tables.values()) {
      const list = found.get(table.definition.name) ?? []
      const byKey = new Map(list.map((row) => [showValue(table.order.valuesOf(row)), row]))
      if (byKey.size !== list.length) return undefined
      rows.set(table, byKey)
    }
    const differing = new Set<string>()
    const compare = (table: TableHistory, key: readonly Value[], version: number): void => {
      const text = showValue(key)
      const isSame = rowsEqual(rows.get(table)?.get(text), table.get(key, version))
      if (isSame) differing.delete(table.definition.name + text)
      else differing.add(table.definition.name + text)
    }
    for (const [table, byKey] of rows) {
      for (const row of byKey.values()) compare(table, table.order.valuesOf(row), atLeast)
      for (const row of table.scan(atLeast, {})) compare(table, table.order.valuesOf(row), atLeast)
    }
    let newest: number | undefined
    for (let version = atLeast; version <= this.#version; version++) {
      if (version > atLeast) {
        for (const table of rows.keys())
          for (const key of table.changedAt(version)) compare(table, key, version)
      }
      if (differing.size === 0) newest = version
    }
    return newest
  }

  /** Where a state differs from a version, a line for each key; empty if nowhere. */
  differences(found: State, version: number = this.#version): string[] {
    return [...this.#tables].flatMap(([name, table]) => {
      const expected = this.scan(name, {}, version)
      return differencesOf(table, found.get(name) ?? [], expected).map((line) => `${name}${line}`)
    })
  }

  /** The keys that a batch wrote. */
  changedAt(version: number): { readonly table: string; readonly key: readonly Value[] }[] {
    return [...this.#tables].flatMap(([table, history]) =>
      history.changedAt(version).map((key) => ({ table, key })),
    )
  }

  /** Forgets the batches after a version, as a crash did. */
  rollBack(version: number): void {
    for (const table of this.#tables.values()) table.rollBack(version)
    this.#version = version
  }

  /** All versions of the rows of a table. */
  history(name: string): TableHistory {
    const table = this.#tables.get(name)
    if (table === undefined) throw new TypeError(`the model has no table "${name}"`)
    return table
  }
}

function differencesOf(table: TableHistory, found: readonly Row[], expected: readonly Row[]): string[] {
  const byKey = (rows: readonly Row[]): Map<string, Row> =>
    new Map(rows.map((row) => [showValue(table.order.valuesOf(row)), row]))
  const [foundByKey, expectedByKey] = [byKey(found), byKey(expected)]
  const lines: string[] = []
  for (const key of new Set([...expectedByKey.keys(), ...foundByKey.keys()])) {
    const [got, wanted] = [foundByKey.get(key), expectedByKey.get(key)]
    if (!rowsEqual(wanted, got)) lines.push(` ${key}: ${showValue(got)}, not ${showValue(wanted)}`)
  }
  if (foundByKey.size !== found.length) lines.push(': a key is there more than once')
  if (lines.length === 0 && found.some((row, i) => !rowsEqual(row, expected[i]))) {
    lines.push(': the rows are not in key order')
  }
  return lines
}
