export { createExportCache, type ExportCache } from './base.ts'
export { exportIceberg, type ExportedTable, type ExportOptions, type IcebergExport } from './export.ts'
export { retainedFiles, sweepMetadata } from './retention.ts'
