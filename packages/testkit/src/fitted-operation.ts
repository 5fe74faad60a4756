import type { TableDefinition } from '@meru/core'
import type { KeyShape, Range } from './key-order.ts'
import type { Write } from './model.ts'
import type { DatabaseOperation, TransactionStep } from './operations.ts'
import type { Row } from './rows.ts'
import { isFirst, keyUnder, rangeUnder, rowUnder, selectionUnder, type TableShape } from './table-shape.ts'

/** A table as it was declared at first, and as it is or was at a snapshot. */
interface Fit {
  readonly first: TableDefinition
  readonly shape: TableShape
}
type FitOf = (table: string, snapshot?: number) => Fit

/** The operation for the columns that tables have, of one for the columns that they had at first. */
export function fitted(operation: DatabaseOperation, fitOf: FitOf): DatabaseOperation {
  switch (operation.do) {
    case 'batch':
    case 'commitAll':
      return {
        ...operation,
        writes: operation.writes.map((write) => fittedWhole<Write>(write, fitOf(write.table))),
      }
    case 'ingest':
    case 'put':
    case 'putIf':
    case 'putMany':
    case 'delete':
    case 'deleteIf':
    case 'remember':
    case 'deleteMany':
      return fittedWhole(operation, fitOf(operation.table))
    case 'get':
    case 'getMany':
    case 'has':
    case 'scan':
    case 'count':
      return fittedWhole(operation, fitOf(operation.table, operation.snapshot))
    case 'inTransaction':
      return { ...operation, step: fittedWhole<TransactionStep>(operation.step, fitOf(operation.step.table)) }
    default:
      return operation
  }
}

/** Whatever an operation has that speaks of columns. */
interface Parts {
  readonly row?: Row
  readonly rows?: readonly Row[]
  readonly key?: KeyShape
  readonly keys?: readonly KeyShape[]
  readonly range?: Range
  readonly select?: readonly string[]
}

function fittedWhole<T extends object>(whole: T, { first, shape }: Fit): T {
  if (isFirst(shape)) return whole
  const { row, rows, key, keys, range, select }: Parts = whole
  return {
    ...whole,
    ...(row && { row: rowUnder(shape, first, row) }),
    ...(rows && { rows: rows.map((each) => rowUnder(shape, first, each)) }),
    ...(key !== undefined && { key: keyUnder(shape, first, key) }),
    ...(keys && { keys: keys.map((each) => keyUnder(shape, first, each)) }),
    ...(range && { range: rangeUnder(shape, first, range) }),
    ...(select && { select: selectionUnder(shape, select) }),
  }
}
