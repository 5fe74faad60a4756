import { rowsEqual, showValue, type KeyShape, type Row } from '@meru/testkit'
import type { MeruError, SeqNo, Table } from '../src/index.ts'

interface Durable {
  readonly durability: 'durable' | 'buffered'
}

/** Versions of rows that were read, for writes that depend on them; they outlive the database that gave them. */
export class RememberedVersions {
  readonly #versions: Map<string, SeqNo> = new Map()

  async remember(table: Table, key: KeyShape): Promise<object | undefined> {
    const read = await table.getWithVersion(key)
    const row = await table.get(key)
    if (!rowsEqual(row, read?.row)) throw new Error(`get gave ${showValue(row)}, not ${showValue(read)}`)
    const name = nameOf(table, key)
    if (read === undefined) this.#versions.delete(name)
    else this.#versions.set(name, read.version)
    return row
  }

  /** Puts a row over the version remembered, or without one where there is none. */
  async putIf(
    table: Table,
    write: { readonly key: KeyShape; readonly row: Row; readonly isRemembered: boolean },
    { durability }: Durable,
  ): Promise<'committed' | 'conflict'> {
    const { key, row, isRemembered } = write
    const condition = isRemembered ? { ifVersion: this.#versionOf(table, key) } : { ifAbsent: true }
    return outcomeOf(table, key, table.put(row, { ...condition, durability } as never))
  }

  deleteIf(table: Table, key: KeyShape, { durability }: Durable): Promise<'committed' | 'conflict'> {
    const ifVersion = this.#versionOf(table, key)
    return outcomeOf(table, key, table.delete(key, { ifVersion, durability } as never))
  }

  #versionOf(table: Table, key: KeyShape): SeqNo {
    return this.#versions.get(nameOf(table, key)) as SeqNo
  }
}

/** A conflict must say which version is there. */
async function outcomeOf(
  table: Table,
  key: KeyShape,
  done: PromiseLike<unknown>,
): Promise<'committed' | 'conflict'> {
  try {
    await done
    return 'committed'
  } catch (error) {
    const { code, version } = error as MeruError & { version: SeqNo | undefined }
    if (code !== 'CONFLICT') throw error
    const there = await table.getWithVersion(key)
    if (there?.version === version) return 'conflict'
    throw new Error(`found version ${there?.version}, but the conflict says ${version}`, { cause: error })
  }
}

function nameOf(table: Table, key: KeyShape): string {
  // By its values: the columns may have been renamed since.
  const isOne = typeof key !== 'object' || key instanceof Uint8Array || key instanceof Date
  const values = isOne ? [key] : Object.values(key)
  return `${table.name} ${showValue(values)}`
}
