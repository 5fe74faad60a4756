export { MeruError, CorruptionError, ConflictError, type ErrorCode } from './errors.ts'
export {
  physicalOf,
  typeName,
  decimalWidth,
  isNested,
  type ColumnType,
  type NestedPart,
  type NestedType,
  type ScalarType,
  type StructField,
  type ColumnKind,
  type Physical,
  type PhysicalType,
} from './column-type.ts'
export { t } from './columns.ts'
export {
  type Column,
  type ColumnMode,
  type ColumnModes,
  type Columns,
  type InsertOf,
  type NestedMode,
  type RowOf,
} from './column.ts'
export {
  table,
  defineSchema,
  type TableDefinition,
  type InferRow,
  type InferInsert,
  type InferKey,
  type KeyOf,
} from './table.ts'
export { modeUnder, nestedParts } from './nested-type.ts'
export { tableFromZod } from './table-from-zod.ts'
export { type PartitionBy, type Transform } from './partition.ts'
export { inOnePartition, partitionEnd, partitionOf, type PartitionValue } from './partition-tuple.ts'
export {
  FIRST_COLUMN_ID,
  keyColumns,
  type ColumnDef,
  type PartitionField,
  type TableSchema,
} from './schema.ts'
export { checkSchema, checkTableName } from './schema-rules.ts'
export { schemaSchema, parseTableSchema } from './schema-json.ts'
export {
  addedColumns,
  describeResolution,
  describeSchemaDifference,
  sameSchema,
} from './schema-difference.ts'
export { columnCode, exactMode, valueCode } from './schema-code.ts'
export { schemaChangeProblem, SchemaDraft } from './schema-change.ts'
export { type ColumnPosition } from './struct-draft.ts'
export { StructAlteration, type AlteredStruct } from './struct-alteration.ts'
export { Alteration, type Altered } from './alteration.ts'
export { decodeDefault, encodeDefault } from './default-value.ts'
export { widenedType } from './nested-change.ts'
export { isPromotion, promotableDays } from './promotion.ts'
export { projectionBetween, SchemaProjection, type ColumnProjection } from './schema-projection.ts'
export { RowProjection } from './row-projection.ts'
export { fromHex, toHex } from './hex.ts'
export { KIND_PUT, KIND_DELETE, KEY_BYTES_MAX, VALUE_BYTES_MAX, type EntryKind, type SeqNo } from './entry.ts'
export { compareBytes, compareKeys } from './byte-compare.ts'
export { ByteWriter } from './byte-writer.ts'
export {
  appendNulls,
  isNullBit,
  readNestedCount,
  readNestedVarint,
  setNullBit,
  skipNestedBytes,
  skipNulls,
  type NestedCursor,
} from './nested-bytes.ts'
export { ByteReader } from './byte-reader.ts'
export { BytesBuilder } from './bytes-builder.ts'
export { KeyMerger } from './merge.ts'
export { rowLayout, type RowLayout, type ColumnPlace } from './row-layout.ts'
export { RowCodec } from './row-codec.ts'
export { showKey } from './value-error.ts'
export { type Selection } from './selection.ts'
export { TextBlock } from './text-block.ts'
export { startsWith, StartsWith, type KeyRange, type KeyBounds } from './key-range.ts'
export { type Where, type Condition, type Operators } from './where.ts'
export { type Filter } from './filter.ts'
export { type AnyRange } from './range-codec.ts'
export { Shredder } from './shredder.ts'
export { VectorBuilder } from './vector-builder.ts'
export { encodeKeyVector } from './key-vector.ts'
export { sliceVector, concatVectors } from './vector-copy.ts'
export { gatherVectors, type SourceOf } from './vector-gather.ts'
export {
  isPresent,
  type Vector,
  type BoolVector,
  type I32Vector,
  type I64Vector,
  type F32Vector,
  type F64Vector,
  type FixedVector,
  type BytesVector,
  type ColumnBatch,
} from './vector.ts'
export {
  BatchWriter,
  readBatch,
  visitBatch,
  BATCH_VERSION,
  type OperationTarget,
  type BatchVisitor,
  type BatchSummary,
} from './write-batch.ts'
export { encodeSingleValue, truncateLower, truncateUpper, BOUND_LENGTH } from './single-value.ts'
export { type SstMeta, type ColumnStats } from './sst-meta.ts'
