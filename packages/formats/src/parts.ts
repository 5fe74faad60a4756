export {
  cellReader,
  INT_MAX,
  LONG_MAX,
  showCell,
  takesEmptyText,
  type Cell,
  type NestedCell,
  type ReadCell,
  type Scalar,
  type Value,
} from './cell.ts'
export { formatMoment, formatTime, parseDateText, parseMoment, type Moment } from './moment.ts'
export { InputFault } from './input-fault.ts'
export { TextDecoding } from './text.ts'
export {
  checkHeading,
  CsvRecordReader,
  otherDelimiter,
  type CsvCell,
  type CsvRecords,
} from './csv-records.ts'
export {
  isJsonObject,
  jsonKind,
  jsonText,
  LineCutter,
  parseJson,
  parseRecord,
  type JsonObject,
  type JsonRecord,
} from './json-text.ts'
export { openParquetFile, type ParquetFile, type ParquetRows } from './parquet-file.ts'
export type { ParquetColumn } from './parquet-columns.ts'
