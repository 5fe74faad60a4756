import { stat } from 'node:fs/promises'
import { Failure } from '../failure.ts'
import type { Cell } from '../infer.ts'
import { ColumnNames, flattenFeature, flattenObject, UnfitRecord } from './flatten.ts'
import type { Input, RowBatch } from './input.ts'
import { ElementCutter, JsonFrameError, type JsonElement } from './json-elements.ts'
import { readText } from './text-file.ts'

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
  const decoder = new TextDecoder()
  const flatten = (value: unknown): Cell[] =>
    cutter.isFeatureCollection ? flattenFeature(value, columns) : flattenObject(value, columns)
  try {
    for await (const { bytes, bytesRead } of readText(path, signal)) {
      const elements = cutter.push(decoder.decode(bytes))
      if (elements.length > 0) yield { ...rowsOf(path, elements, flatten), bytesRead }
    }
    cutter.end()
  } catch (error) {
    if (error instanceof JsonFrameError) throw explainFrame(path, error)
    throw error
  }
  if (!cutter.hasArray) {
    throw new Failure(`${path} holds neither a JSON array nor a GeoJSON feature collection`, {
      hint: 'a table is an array of objects, or one object on each line with --format ndjson',
    })
  }
}

async function* readLines(path: string, columns: ColumnNames, signal: AbortSignal): AsyncGenerator<RowBatch> {
  const decoder = new TextDecoder()
  const flatten = (value: unknown): Cell[] => flattenObject(value, columns)
  let rest = ''
  let line = 1
  let position = 0
  const cut = (text: string): JsonElement[] =>
    text
      .split('\n')
      .map((each) => ({ text: each, line: line++ }))
      .filter((each) => each.text.trim() !== '')
  for await (const { bytes, bytesRead } of readText(path, signal)) {
    position = bytesRead
    const text = rest + decoder.decode(bytes)
    const end = text.lastIndexOf('\n')
    rest = text.slice(end + 1)
    if (end >= 0) yield { ...rowsOf(path, cut(text.slice(0, end)), flatten), bytesRead }
  }
  yield { ...rowsOf(path, cut(rest), flatten), bytesRead: position }
}

function rowsOf(
  path: string,
  elements: readonly JsonElement[],
  flatten: (value: unknown) => Cell[],
): { rows: Cell[][]; places: number[] } {
  const rows = elements.map((element) => {
    const value = parseElement(path, element)
    try {
      return flatten(value)
    } catch (error) {
      if (!(error instanceof UnfitRecord)) throw error
      throw new Failure(`${path} line ${element.line}: ${error.message}`, { cause: error })
    }
  })
  return { rows, places: elements.map(({ line }) => line) }
}

/** Integers that a double would change come out as a bigint. */
function parseElement(path: string, { text, line }: JsonElement): unknown {
  try {
    return /\d{16}/.test(text) ? parseExactly(text) : (JSON.parse(text) as unknown)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = Number(/at position (\d+)/.exec(message)?.[1] ?? 0)
    const fault = line + text.trimStart().slice(0, position).split('\n').length - 1
    const problem = message
      .replace(/ in JSON at position.*$/, '')
      .replace(/, ?(?:\.\.\.)?".*" is not valid JSON$/s, '')
    throw new Failure(`${path} line ${fault}: malformed JSON: ${problem}`, {
      hint: hintFor(text),
      cause: error,
    })
  }
}

function hintFor(text: string): string {
  return text.trim() === '' ? 'a comma is followed by no value' : 'the rows before it are well-formed'
}

type SourceReviver = (this: unknown, name: string, value: unknown, context: { source?: string }) => unknown

function parseExactly(text: string): unknown {
  const revive: SourceReviver = (_name, value, { source }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value
    return /^-?\d+$/.test(source) ? BigInt(source) : value
  }
  return JSON.parse(text, revive as (name: string, value: unknown) => unknown)
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
