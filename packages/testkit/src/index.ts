export { CrashError, isCrash } from './crash-error.ts'
export { describeCall, FaultyFs, type Fault, type FaultRule, type NumberedCall } from './faulty-fs.ts'
export { InterceptedFs, type Call, type Interceptor, type Operation } from './intercepted-fs.ts'
export { KeyOrder, type KeyShape, type Range } from './key-order.ts'
export { Model, type ScanShape, type State, type Write } from './model.ts'
export { isWrite, ModelSession, showOperations, type WriteOperation, writesOf } from './model-session.ts'
export { type Answer, ModelTransaction } from './model-transaction.ts'
export {
  DEFAULT_WEIGHTS,
  ONLY_WRITES,
  WITHOUT_TRANSACTIONS,
  randomOperations,
  type DatabaseOperation,
  type OperationKind,
  type ReadOperation,
  type TransactionStep,
  type Weights,
} from './operations.ts'
export { ProcessEnvironment } from './process-environment.ts'
export { Random } from './random.ts'
export {
  type AnyAlteration,
  type Change,
  firstColumns,
  type ModelColumn,
  randomChange,
  randomRow,
} from './random-schema.ts'
export { RandomRows } from './random-rows.ts'
export { randomColumn } from './random-columns.ts'
export { randomValue } from './random-values.ts'
export { normalise, rowsEqual, showValue, valuesEqual, type Row, type Value } from './rows.ts'
export { replayCommand, seedsFromEnvironment, type Effort } from './seeds.ts'
export { shrink } from './shrink.ts'
export { TestEnvironment } from './test-environment.ts'
export { TEST_TABLES } from './test-tables.ts'
export { TracedFs } from './traced-fs.ts'
