export { applyEdit } from './apply-edit.ts'
export { writeCopiedState } from './copied-state.ts'
export { makeDatabaseDirectories, makeTableDirectories } from './directories.ts'
export { checkEpoch, checkEpochSync, claimEpoch, type ClaimOptions } from './epoch.ts'
export {
  dataDirectory,
  deletesDirectory,
  EPOCH_DIRECTORY,
  epochPath,
  heldDirectory,
  isFileId,
  isTableName,
  isTemporaryName,
  LOCK_FILE,
  MANIFEST_DIRECTORY,
  manifestPath,
  metadataDirectory,
  parseEpochName,
  parseManifestName,
  parsePuffinName,
  parseSstName,
  puffinPath,
  sstPath,
  tableDirectory,
  TABLES_DIRECTORY,
  WAL_DIRECTORY,
} from './file-names.ts'
export { FORMAT_VERSION } from './format.ts'
export { acquireLock, readLockOwner, type LockOptions, type LockOwner, type WriterLock } from './lock.ts'
export { Manifest, type ManifestOptions } from './manifest.ts'
export { findOrphans, sweepOrphans } from './orphans.ts'
export { filesDropped, Pins, type Pin } from './pins.ts'
export {
  compareFiles,
  compareWalFloors,
  currentSchema,
  emptyState,
  filePaths,
  findFile,
  findTable,
  liveRows,
  schemaById,
  type DatabaseState,
  type DeadRef,
  type SstFile,
  type TableState,
  type WalFloor,
} from './state.ts'
export { stateProblem } from './state-rules.ts'
export type {
  AddFile,
  Change,
  CreateTable,
  DropTable,
  EditSource,
  MoveFile,
  RemoveFile,
  SetDead,
  SetFlushedSeqno,
  SetLastSeqno,
  SetProperty,
  SetSchema,
  SetWalFloor,
  VersionEdit,
} from './version-edit.ts'
