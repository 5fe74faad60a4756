import type { DatabaseOperation, TransactionStep } from '@meru/testkit'
import { deferred } from '../src/deferred.ts'
import type { Database, MeruError, Table, Transaction } from '../src/index.ts'

type Tables = ReadonlyMap<string, Table>

interface Running {
  readonly tx: Transaction
  /** Lets the function of the transaction return, or throw. */
  readonly end: { readonly commit: () => void; readonly rollBack: () => void }
  readonly done: Promise<'committed' | 'conflict' | 'rolled back'>
}

const ROLLED_BACK = new Error('rolled back')

/** Transactions whose steps come one by one from outside, so that anything can happen between them. */
export class OpenTransactions {
  readonly #running: Map<number, Running> = new Map()

  async begin(db: Database, operation: Extract<DatabaseOperation, { do: 'begin' }>): Promise<void> {
    const { isolation, durability } = operation
    const begun = deferred<Transaction>()
    const ended = deferred<undefined>()
    const body = async (tx: Transaction): Promise<void> => {
      begun.resolve(tx)
      await ended.promise
    }
    const done = db.transaction(body, { isolation, durability, retries: 0 }).then(
      () => 'committed' as const,
      (error: unknown) => {
        if (error === ROLLED_BACK) return 'rolled back' as const
        if ((error as Partial<MeruError>).code === 'CONFLICT') return 'conflict' as const
        begun.reject(error)
        throw error
      },
    )
    const end = {
      commit: (): void => ended.resolve(undefined),
      rollBack: (): void => ended.reject(ROLLED_BACK),
    }
    this.#running.set(operation.transaction, { tx: await begun.promise, end, done })
  }

  /** Does a step; nothing if the transaction is not open. */
  async step(number: number, step: TransactionStep, tables: Tables): Promise<unknown> {
    const running = this.#running.get(number)
    if (running === undefined) return undefined
    const { tx } = running
    const table = tables.get(step.table) as Table
    switch (step.do) {
      case 'put':
        return void tx.put(table, step.row)
      case 'putMany':
        return void tx.putMany(table, step.rows)
      case 'delete':
        return void tx.delete(table, step.key)
      case 'get':
        return tx.get(table, step.key, { select: step.select } as never)
      case 'getMany':
        return tx.getMany(table, step.keys, { select: step.select } as never)
      case 'has':
        return tx.has(table, step.key)
      case 'count':
        return tx.count(table, step.range)
      case 'scan': {
        const { reverse, limit, select, range } = step
        return tx.scan(table, { ...range, reverse, limit, select } as never).toArray()
      }
    }
  }

  commit(number: number): Promise<string | undefined> {
    const running = this.#running.get(number)
    this.#running.delete(number)
    running?.end.commit()
    return running?.done ?? Promise.resolve(undefined)
  }

  /** Commits all at once, in the order in which they began. */
  commitAll(): Promise<(string | undefined)[]> {
    return Promise.all([...this.#running.keys()].map((number) => this.commit(number)))
  }

  /** Commits one after the other. */
  async commitInTurn(): Promise<(string | undefined)[]> {
    const outcomes: (string | undefined)[] = []
    for (const number of this.#running.keys()) outcomes.push(await this.commit(number))
    return outcomes
  }

  async rollBack(number: number): Promise<void> {
    const running = this.#running.get(number)
    this.#running.delete(number)
    running?.end.rollBack()
    await running?.done
  }

  /** Rolls all of them back, as the end of a process does. */
  async abandon(): Promise<void> {
    for (const number of this.#running.keys()) await this.rollBack(number)
  }
}
