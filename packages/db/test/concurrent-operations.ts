import type { DatabaseOperation, ModelSession, Write } from '@meru/testkit'
import type { Batch, Database, Table } from '../src/index.ts'
import { OpenTransactions } from './open-transactions.ts'
import { RememberedVersions } from './remembered-versions.ts'

/** Operations on transactions and on versions of rows. */
export type ConcurrentOperation = Extract<
  DatabaseOperation,
  {
    readonly do:
      | 'remember'
      | 'putIf'
      | 'deleteIf'
      | 'begin'
      | 'inTransaction'
      | 'commit'
      | 'rollback'
      | 'commitAll'
  }
>

const KINDS: ReadonlySet<string> = new Set<ConcurrentOperation['do']>([
  'remember',
  'putIf',
  'deleteIf',
  'begin',
  'inTransaction',
  'commit',
  'rollback',
  'commitAll',
])

export function isConcurrent(operation: DatabaseOperation): operation is ConcurrentOperation {
  return KINDS.has(operation.do)
}

/** A database and the model that it has to agree with. */
export interface Both {
  readonly db: Database
  readonly tables: ReadonlyMap<string, Table>
  readonly model: ModelSession
}

/** Whether the model remembers the row that a conditional write is to. To be asked before the model does the write. */
export function remembers(model: ModelSession, operation: DatabaseOperation): boolean {
  if (operation.do === 'deleteIf') return model.isRemembered(operation.table, operation.key)
  if (operation.do !== 'putIf') return false
  const { order } = model.model.history(operation.table)
  return model.isRemembered(operation.table, order.shapeOf(operation.row))
}

/** Does on a database what the model does with transactions and versions; they outlive one opening of it. */
export class ConcurrentOperations {
  readonly #transactions: OpenTransactions = new OpenTransactions()
  readonly #versions: RememberedVersions = new RememberedVersions()

  perform(both: Both, operation: ConcurrentOperation, isRemembered: boolean): Promise<unknown> {
    switch (operation.do) {
      case 'begin':
        return this.#transactions.begin(both.db, operation)
      case 'inTransaction':
        return this.#transactions.step(operation.transaction, operation.step, both.tables)
      case 'commit':
        return this.#transactions.commit(operation.transaction)
      case 'rollback':
        return this.#transactions.rollBack(operation.transaction)
      case 'commitAll':
        return this.#commitAll(both, operation)
      default:
        return this.#conditionally(both, operation, isRemembered)
    }
  }

  /** Ends all transactions without a commit. */
  abandon(): Promise<void> {
    return this.#transactions.abandon()
  }

  /** Where writers wait for room they may overtake those to other tables: then one comes after the other. */
  async #commitAll(
    { db, tables }: Both,
    operation: Extract<DatabaseOperation, { do: 'commitAll' }>,
  ): Promise<unknown> {
    const batch = db.batch((into) => fill(into, tables, operation.writes), {
      durability: operation.durability,
    })
    const isStalled = [...tables.values()].some((table) => table.stats().stall !== 'none')
    if (isStalled) await batch
    const outcomes = isStalled
      ? await this.#transactions.commitInTurn()
      : await this.#transactions.commitAll()
    await batch
    return outcomes
  }

  #conditionally(
    { tables, model }: Both,
    operation: Extract<DatabaseOperation, { do: 'remember' | 'putIf' | 'deleteIf' }>,
    isRemembered: boolean,
  ): Promise<unknown> {
    const table = tables.get(operation.table) as Table
    if (operation.do === 'remember') return this.#versions.remember(table, operation.key)
    if (operation.do === 'putIf') {
      const { row } = operation
      const key = model.model.history(operation.table).order.shapeOf(row)
      return this.#versions.putIf(table, { key, row, isRemembered }, operation)
    }
    return isRemembered
      ? this.#versions.deleteIf(table, operation.key, operation)
      : Promise.resolve('skipped')
  }
}

export function fill(batch: Batch, tables: ReadonlyMap<string, Table>, writes: readonly Write[]): void {
  for (const write of writes) {
    const table = tables.get(write.table) as Table
    if (write.kind === 'put') batch.put(table, write.row)
    else batch.delete(table, write.key)
  }
}
