export { layoutFor, type Compression, type SstLayout } from './layout.ts'
export { SstWriter, type SstWriterOptions } from './sst-writer.ts'
export { type SstBatch } from './sst-batch.ts'
export { DeadPositions } from './dead-positions.ts'
export {
  encodeDeletionVector,
  readPuffinBlob,
  writePuffin,
  type BlobPlace,
  type DeadBlob,
  type PuffinFile,
} from './puffin.ts'
