import { stat } from 'node:fs/promises'
import { InputFault, LineCutter, parseRecord, type Cell, type JsonRecord } from '@meru/formats/parts'
import { Failure } from '../failure.ts'
import { ColumnNames, flattenFeature, flattenObject, UnfitRecord } from './flatten.ts'
import type { Input, RowBatch } from './input.ts'
import { ElementCutter, JsonFrameError } from './json-elements.ts'
import { explainFault, readText } from './text-file.ts'

/** An array of objects, or a GeoJSON feature collection. */
export async function openJson(path: string): Promise<Input> {
  return await openText(path, readElements)
}

/** A JSON object on each line. */
export async function openNdjson(path: string): Promise<Input> {
  return await openText(path, readLines)
}

type ReadRows = (path: string, columns: ColumnNames, signal: AbortSignal) => AsyncGenerator<RowBatch>

async function openText(path: string, read: ReadRows): Promise<Input> {
  const { size } = await stat(path)
  const columns = new ColumnNames()
  return {
    path,
    bytes: size,
    unit: 'line',
    isText: false,
    typed: undefined,
    columns: columns.list,
    batches: (signal) => read(path, columns, signal),
    close: () => Promise.resolve(),
  }
}

async function* readElements(
  path: string,
  columns: ColumnNames,
  signal: AbortSignal,
): AsyncGenerator<RowBatch> {
  const cutter = new ElementCutter()
  const flatten = (value: unknown): Cell[] =>
    cutter.isFeatureCollection ? flattenFeature(value, columns) : flattenObject(value, columns)
  try {
    for await (const { text, bytesRead } of readText(path, signal)) {
      const elements = cutter.push(text)
      if (elements.length > 0) yield { ...rowsOf(elements, flatten), bytesRead }
    }
    cutter.end()
  } catch (error) {
    if (error instanceof JsonFrameError) throw explainFrame(path, error)
    throw explainFault(path, error)
  }
  if (!cutter.hasArray) {
    throw new Failure(`${path} holds neither a JSON array nor a GeoJSON feature collection`, {
      hint: 'a table is an array of objects, or one object on each line with --format ndjson',
    })
  }
}

async function* readLines(path: string, columns: ColumnNames, signal: AbortSignal): AsyncGenerator<RowBatch> {
  const cutter = new LineCutter()
  const flatten = (value: unknown): Cell[] => flattenObject(value, columns)
  let position = 0
  try {
    for await (const { text, bytesRead } of readText(path, signal)) {
      position = bytesRead
      const lines = cutter.push(text)
      if (lines.length > 0) yield { ...rowsOf(lines, flatten), bytesRead }
    }
    yield { ...rowsOf(cutter.end(), flatten), bytesRead: position }
  } catch (error) {
    throw explainFault(path, error)
  }
}

function rowsOf(
  records: readonly JsonRecord[],
  flatten: (value: unknown) => Cell[],
): { rows: Cell[][]; places: number[] } {
  const rows = records.map((record) => {
    const value = parseRecord(record)
    try {
      return flatten(value)
    } catch (error) {
      if (!(error instanceof UnfitRecord)) throw error
      throw new InputFault(error.message, { line: record.line, cause: error })
    }
  })
  return { rows, places: records.map(({ line }) => line) }
}

function explainFrame(path: string, error: JsonFrameError): Failure {
  const isMany = error.message.startsWith('text follows')
  return new Failure(`${path} line ${error.line}: ${error.message}`, {
    hint: isMany
      ? 'if the file has one object on each line, add --format ndjson'
      : 'a table is an array of objects: [{…}, {…}]',
    cause: error,
  })
}
