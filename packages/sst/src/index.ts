export { layoutFor, type Compression, type SstLayout } from './layout.ts'
export { SstWriter, type SstWriterOptions } from './sst-writer.ts'
export { sliceBatch, type SstBatch } from './sst-batch.ts'
export {
  ABSENT,
  PAGE_MISS,
  seek,
  seekSync,
  SstReader,
  type RowRef,
  type SstReaderOptions,
} from './sst-reader.ts'
export {
  WALK_END,
  WALK_NEEDS_PAGE,
  WALK_ROW,
  type ColumnRun,
  type RowWalk,
  type WalkRange,
} from './row-walk.ts'
export { type ReadOptions, type SstRows } from './row-scan.ts'
export type { RowRange, StatisticsFilter, TypedPages } from './page-selection.ts'
export { PageCache, type PageCacheStats } from './page-cache.ts'
export {
  hasRowLineage,
  LINEAGE_IDS,
  lineageBounds,
  lineageVectors,
  withRowLineage,
  type FileLineage,
} from './row-lineage.ts'
export { DeadPositions } from './dead-positions.ts'
export {
  encodeDeletionVector,
  readPuffinBlob,
  writePuffin,
  type BlobPlace,
  type DeadBlob,
  type PuffinFile,
} from './puffin.ts'
export {
  DELETE_FILE_PATH_ID,
  DELETE_POSITION_ID,
  readPositionDeletes,
  writePositionDeletes,
  type DeadRows,
} from './position-deletes.ts'
