export {
  type Alteration,
  type Column,
  type Columns,
  type ColumnPosition,
  type StructAlteration,
  type Condition,
  ConflictError,
  CorruptionError,
  type ErrorCode,
  type InferInsert,
  type InferKey,
  type InferRow,
  type InsertOf,
  type KeyOf,
  type KeyRange,
  MeruError,
  type Operators,
  type RowOf,
  type SeqNo,
  startsWith,
  t,
  table,
  type PartitionBy,
  type TableDefinition,
  type Transform,
  tableFromZod,
  type TableSchema,
  type Vector,
  type Where,
} from '@meru/core'
export { icebergBucket } from '@meru/iceberg'
export type {
  FormatVersion,
  DataMode,
  IcebergCheck,
  IcebergExport,
  IcebergRebase,
  RestCatalogOptions,
  Tags,
  Violation,
} from '@meru/iceberg'
export type { BackupOptions, BackupProgress, BackupReport } from './backup.ts'
export { Batch } from './batch.ts'
export { checkIceberg, rebaseIceberg, type RebaseOptions, registerIceberg } from './iceberg-tables.ts'
export { S3Fs, type S3Credentials, type S3Options } from '@meru/fs/s3'
export type { CheckpointOptions, CheckpointReport } from './checkpoint.ts'
export type { CompactionControl, CompactionReport } from './compactor.ts'
export type { Components } from './components.ts'
export type { DeleteOptions, PutOptions } from './conditional-write.ts'
export { Database } from './database.ts'
export type { TableOptions } from './evolve.ts'
export type { EngineEvent } from './events.ts'
export type { ExportOptions, ExportProgress } from './export.ts'
export type { ReferencedExport } from './held-files.ts'
export type { FlushReport } from './flusher.ts'
export type { IngestOptions, IngestProgress } from './ingest.ts'
export type { IngestReport } from './ingest-report.ts'
export type { RowSource } from './ingest-source.ts'
export { open, openTable, type OpenOptions } from './open.ts'
export type { ReadOptions, VersionedRow } from './reads.ts'
export type { RecoveryReport } from './recovery.ts'
export { restore, type RestoreOptions } from './restore.ts'
export { RowBatch } from './row-batch.ts'
export { RowScan } from './row-scan.ts'
export { DEFAULT_SETTINGS, type Settings, type SettingsOptions } from './settings.ts'
export { Snapshot } from './snapshot.ts'
export type { DatabaseStats, LevelStats, TableStats } from './stats.ts'
export { type CompactOptions, type ScanOptions, Table, type TableOf } from './table.ts'
export { type SelectOptions, Transaction, type TransactionScanOptions } from './transaction.ts'
export type { TransactionOptions } from './transaction-run.ts'
export { type Problem, verify, type VerifyOptions, type VerifyReport } from './verify.ts'
export { WriteHandle } from './write-handle.ts'
export type { WriteOptions } from './write-options.ts'
