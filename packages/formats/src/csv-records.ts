import { CsvError, Parser } from 'csv-parse'
import { InputFault } from './input-fault.ts'
import { RECORD_CHARACTERS_MAX } from './text.ts'

/** An unquoted empty cell is null, a quoted one the empty string. */
export type CsvCell = string | null

/** Records with the lines at which they start, counted from 1. */
export interface CsvRecords {
  readonly rows: readonly (readonly CsvCell[])[]
  readonly lines: readonly number[]
}

/**
 * Cuts CSV text (RFC 4180) into records while it arrives: the parser of `csv-parse`, asked for whole pieces of records
 * instead of one event for each. The first record is the heading. Throws an `InputFault` that names the line.
 */
export class CsvRecordReader {
  heading: readonly CsvCell[] | undefined
  readonly #parser: Parser
  #rows: (readonly CsvCell[])[] = []
  #lines: number[] = []
  /** Where the last record ended, and how many empty lines were skipped until then. */
  readonly #last = { line: 0, empty: 0 }
  #failure: Error | undefined

  constructor(options: { readonly delimiter: string }) {
    this.#parser = new Parser({
      delimiter: options.delimiter,
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
      max_record_size: RECORD_CHARACTERS_MAX,
      cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
      on_record: (record: readonly CsvCell[], { lines, empty_lines: empty }) => {
        if (this.heading === undefined) {
          this.heading = record
        } else {
          this.#rows.push(record)
          this.#lines.push(this.#last.line + 1 + empty - this.#last.empty)
        }
        this.#last.line = lines
        this.#last.empty = empty
        return null
      },
    })
    this.#parser.on('error', (error) => (this.#failure ??= error))
    // Records are collected above; the stream itself carries none and only has to flow.
    this.#parser.resume()
  }

  /** Whole characters. */
  async write(text: string): Promise<void> {
    await new Promise<void>((resolve) => void this.#parser.write(text, () => resolve()))
    this.#throwFailure()
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parser.once('close', resolve)
      this.#parser.end()
    })
    this.#throwFailure()
  }

  /** The records since the last call, without the heading. */
  take(): CsvRecords {
    const taken = { rows: this.#rows, lines: this.#lines }
    this.#rows = []
    this.#lines = []
    return taken
  }

  #throwFailure(): void {
    if (this.#failure === undefined) return
    throw explainCsv(this.#last.line + 1, this.heading?.length, this.#failure)
  }
}

/** Throws if two columns have one name. */
export function checkHeading(names: readonly (string | null)[]): void {
  const twice = names.find((name, index) => name !== null && names.indexOf(name) < index)
  if (twice === undefined) return
  throw new InputFault(`two columns are named "${twice}"`, { line: 1, hint: 'rename one in the first line' })
}

/** What may be the true delimiter of a file whose heading has one column. */
export function otherDelimiter(heading: readonly CsvCell[], delimiter: string): string | undefined {
  const [only] = heading
  if (heading.length !== 1 || only === null) return undefined
  return [';', '\t', '|', ','].find((mark) => mark !== delimiter && only.includes(mark))
}

function explainCsv(line: number, columns: number | undefined, error: Error): Error {
  if (!(error instanceof CsvError)) return error
  const record: unknown = Reflect.get(error, 'record')
  const cells = Array.isArray(record) ? record.length : undefined
  if (error.code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH' && cells !== undefined) {
    return new InputFault(`${cells} cells, but the first line names ${columns} columns`, {
      line,
      hint: 'a cell that holds a delimiter or a line break must be in double quotes',
      cause: error,
    })
  }
  const [problem, hint] = CSV_FAULTS[error.code] ?? [error.message, undefined]
  return new InputFault(problem, { line, hint, cause: error })
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
