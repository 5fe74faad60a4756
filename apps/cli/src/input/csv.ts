import { stat } from 'node:fs/promises'
import { CsvError, Parser } from 'csv-parse'
import { codeOf, Failure } from '../failure.ts'
import type { Input, InputOptions, RowBatch } from './input.ts'
import { readText } from './text-file.ts'

/** `cast` makes empty cells without quotes null. */
type TextCell = string | null

/** A quote that is never closed takes in the rest of the file; this bounds the memory for it. */
const RECORD_CHARACTERS_MAX = 16 << 20

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
  const reading = new RecordReader(path, options)
  for await (const { bytes } of readText(path, new AbortController().signal)) {
    await reading.write(bytes)
    if (reading.heading !== undefined) break
  }
  if (reading.heading === undefined) await reading.end()
  if (reading.heading === undefined) {
    throw new Failure(`${path} is empty`, { hint: 'the first line of a CSV file names its columns' })
  }
  return checkHeading(path, reading.heading, options)
}

function checkHeading(path: string, heading: readonly TextCell[], options: InputOptions): string[] {
  const names = heading.map((cell, index) =>
    cell === null || cell === '' ? `column_${index + 1}` : `${cell}`,
  )
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) {
    throw new Failure(`${path}: two columns are named "${twice}"`, { hint: 'rename one in the first line' })
  }
  const other = names.length === 1 ? [';', '\t', '|'].find((mark) => names[0].includes(mark)) : undefined
  if (other !== undefined && other !== options.delimiter) {
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
  const reading = new RecordReader(path, options)
  let position = 0
  for await (const { bytes, bytesRead } of readText(path, signal)) {
    position = bytesRead
    await reading.write(bytes)
    const batch = reading.take()
    if (batch.rows.length > 0) yield { ...batch, bytesRead }
  }
  await reading.end()
  const batch = reading.take()
  if (batch.rows.length > 0) yield { ...batch, bytesRead: position }
}

/** The parser of `csv-parse`, asked for whole chunks of records instead of one event for each. */
class RecordReader {
  heading: readonly TextCell[] | undefined
  readonly #path: string
  readonly #parser: Parser
  #rows: (readonly TextCell[])[] = []
  #places: number[] = []
  #lastLine = 0
  #failure: Error | undefined

  constructor(path: string, options: InputOptions) {
    this.#path = path
    this.#parser = new Parser({
      delimiter: options.delimiter,
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
      max_record_size: RECORD_CHARACTERS_MAX,
      cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
      on_record: (record: readonly TextCell[], { lines }) => {
        if (this.heading === undefined) {
          this.heading = record
        } else {
          this.#rows.push(record)
          this.#places.push(this.#lastLine + 1)
        }
        this.#lastLine = lines
        return null
      },
    })
    this.#parser.on('error', (error) => (this.#failure ??= error))
    // Records are collected above; the stream itself carries none and only has to flow.
    this.#parser.resume()
  }

  async write(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => void this.#parser.write(bytes, () => resolve()))
    this.#throwFailure()
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parser.once('close', resolve)
      this.#parser.end()
    })
    this.#throwFailure()
  }

  /** The records since the last call. */
  take(): { rows: readonly (readonly TextCell[])[]; places: readonly number[] } {
    const taken = { rows: this.#rows, places: this.#places }
    this.#rows = []
    this.#places = []
    return taken
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw explainCsv(this.#path, this.#lastLine + 1, this.#failure)
  }
}

function explainCsv(path: string, line: number, error: Error): Error {
  const code = codeOf(error)
  if (!(error instanceof CsvError) || code === undefined) return error
  const record: unknown = Reflect.get(error, 'record')
  const cells = Array.isArray(record) ? record.length : undefined
  const fault = CSV_FAULTS[code]
  if (code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH' && cells !== undefined) {
    return new Failure(`${path} line ${line}: ${cells} cells, but the first line names a different number`, {
      hint: 'a cell that holds a comma or a line break must be in double quotes',
      cause: error,
    })
  }
  if (fault === undefined) return new Failure(`${path} line ${line}: ${error.message}`, { cause: error })
  return new Failure(`${path} line ${line}: ${fault[0]}`, { hint: fault[1], cause: error })
}

const CSV_FAULTS: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  CSV_QUOTE_NOT_CLOSED: [
    'a quote is opened in this record and never closed',
    'close it, and write a quote inside a quoted cell twice',
  ],
  CSV_INVALID_CLOSING_QUOTE: ['text follows a closing quote', 'write a quote inside a quoted cell twice'],
  INVALID_OPENING_QUOTE: [
    'a quote stands inside a cell that is not quoted',
    'put the whole cell in quotes, and write the quote inside it twice',
  ],
  CSV_MAX_RECORD_SIZE: [
    'one record takes more than 16 MiB',
    'a quote that is never closed is the usual reason',
  ],
}
