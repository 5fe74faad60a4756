import { stat } from 'node:fs/promises'
import { checkHeading, CsvRecordReader, otherDelimiter, type CsvCell } from '@meru/formats/parts'
import { Failure } from '../failure.ts'
import type { Input, InputOptions, RowBatch } from './input.ts'
import { explainFault, readText } from './text-file.ts'

/** A CSV file with a heading (RFC 4180). An unquoted empty cell is null, a quoted one the empty string. */
export async function openCsv(path: string, options: InputOptions): Promise<Input> {
  const { size } = await stat(path)
  const columns = await readHeading(path, options)
  return {
    path,
    bytes: size,
    unit: 'line',
    isText: true,
    typed: undefined,
    columns,
    batches: (signal) => readRecords(path, options, signal),
    close: () => Promise.resolve(),
  }
}

async function readHeading(path: string, options: InputOptions): Promise<string[]> {
  const reader = new CsvRecordReader(options)
  try {
    for await (const { text } of readText(path, new AbortController().signal)) {
      await reader.write(text)
      if (reader.heading !== undefined) break
    }
    if (reader.heading === undefined) await reader.end()
    if (reader.heading !== undefined) return namesOf(path, reader.heading, options)
  } catch (error) {
    throw explainFault(path, error)
  }
  throw new Failure(`${path} is empty`, { hint: 'the first line of a CSV file names its columns' })
}

function namesOf(path: string, heading: readonly CsvCell[], { delimiter }: InputOptions): string[] {
  const names = heading.map((cell, index) =>
    cell === null || cell === '' ? `column_${index + 1}` : `${cell}`,
  )
  checkHeading(names)
  const other = otherDelimiter(heading, delimiter)
  if (other !== undefined) {
    const shown = other === '\t' ? '\\t' : other
    throw new Failure(`${path} has one column, "${names[0].slice(0, 60)}"`, {
      hint: `if its cells are separated by "${shown}", add --delimiter '${shown}'`,
    })
  }
  return names
}

async function* readRecords(
  path: string,
  options: InputOptions,
  signal: AbortSignal,
): AsyncGenerator<RowBatch> {
  const reader = new CsvRecordReader(options)
  let position = 0
  try {
    for await (const { text, bytesRead } of readText(path, signal)) {
      position = bytesRead
      await reader.write(text)
      const { rows, lines } = reader.take()
      if (rows.length > 0) yield { rows, places: lines, bytesRead }
    }
    await reader.end()
    const { rows, lines } = reader.take()
    if (rows.length > 0) yield { rows, places: lines, bytesRead: position }
  } catch (error) {
    throw explainFault(path, error)
  }
}
