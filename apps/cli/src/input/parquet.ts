import { stat } from 'node:fs/promises'
import { openParquetFile, type ParquetFile } from '@meru/formats/parts'
import { asyncBufferFromFile } from 'hyparquet'
import type { Input, RowBatch } from './input.ts'
import { explainFault } from './text-file.ts'

/** A Parquet file: its schema gives the types, one row group at a time is held. */
export async function openParquet(path: string): Promise<Input> {
  const { size } = await stat(path)
  const file = await openParquetFile(await asyncBufferFromFile(path)).catch((error: unknown) => {
    throw explainFault(path, error)
  })
  return {
    path,
    bytes: size,
    unit: 'row',
    isText: false,
    typed: file.columns,
    columns: file.columns.map(({ name }) => name),
    batches: (signal) => readBatches({ path, size, file }, signal),
    close: () => Promise.resolve(),
  }
}

interface OpenedFile {
  readonly path: string
  readonly size: number
  readonly file: ParquetFile
}

async function* readBatches({ path, size, file }: OpenedFile, signal: AbortSignal): AsyncGenerator<RowBatch> {
  try {
    for await (const { rows, firstRow } of file.batches(file.columns)) {
      signal.throwIfAborted()
      const places = rows.map((_row, index) => firstRow + index)
      const end = firstRow + rows.length - 1
      yield { rows, places, bytesRead: Math.round((size * end) / file.rowCount) }
    }
  } catch (error) {
    throw explainFault(path, error)
  }
}
