import { InputFault } from './input-fault.ts'
import { RECORD_CHARACTERS_MAX } from './text.ts'

/** A piece of JSON text, and the line at which it starts, counted from 1. */
export interface JsonRecord {
  readonly text: string
  readonly line: number
}

/** Cuts text into lines while it arrives. Lines of white space are none. */
export class LineCutter {
  #rest = ''
  #line = 1

  /** The lines that the next piece completes. Throws an `InputFault` when a line becomes too long. */
  push(piece: string): JsonRecord[] {
    const end = piece.lastIndexOf('\n')
    if (end < 0) {
      this.#rest += piece
      this.#check(this.#rest)
      return []
    }
    const text = this.#rest + piece.slice(0, end)
    this.#rest = piece.slice(end + 1)
    return this.#cut(text)
  }

  /** The last line, if no line break ends it. */
  end(): JsonRecord[] {
    const text = this.#rest
    this.#rest = ''
    return this.#cut(text)
  }

  #cut(text: string): JsonRecord[] {
    const lines: JsonRecord[] = []
    for (const each of text.split('\n')) {
      this.#check(each)
      if (each.trim() !== '') lines.push({ text: each, line: this.#line })
      this.#line++
    }
    return lines
  }

  #check(text: string): void {
    if (text.length <= RECORD_CHARACTERS_MAX) return
    throw new InputFault('one record takes more than 16 MiB', {
      line: this.#line,
      hint: 'each line holds one object',
    })
  }
}

type SourceReviver = (this: unknown, name: string, value: unknown, context: { source?: string }) => unknown

export interface JsonOptions {
  /** Fractions that a double would change come out as their text. */
  readonly keepFractions?: boolean
}

/** The value of JSON text; integers that a double would change come out as a bigint. Throws a `SyntaxError`. */
export function parseJson(text: string, { keepFractions = false }: JsonOptions = {}): unknown {
  const isPlain = keepFractions ? !/\d[\d.]{15}|\d[eE][+-]?\d/.test(text) : !/\d{16}/.test(text)
  if (isPlain) return JSON.parse(text) as unknown
  const revive: SourceReviver = (_name, value, { source }) => {
    if (typeof value !== 'number' || source === undefined) return value
    if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source)
    return keepFractions && isChanged(value, source) ? source : value
  }
  return JSON.parse(text, revive as (name: string, value: unknown) => unknown)
}

/** True if the shortest text of the double is another number than the one that was written. */
function isChanged(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return true
  return String(value) !== source && scientific(String(value)) !== scientific(source)
}

/** The digits without zeros at either end, and the power of ten that they are multiplied by. */
function scientific(text: string): string {
  const [, whole, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return significant === '' ? '0' : `${significant}e${power}`
}

/** The value of a record. Throws an `InputFault` that names the line. */
export function parseRecord({ text, line }: JsonRecord, options: JsonOptions = {}): unknown {
  try {
    return parseJson(text, options)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = Number(/at position (\d+)/.exec(message)?.[1] ?? 0)
    const problem = message
      .replace(/ in JSON at position.*$/, '')
      .replace(/, ?(?:\.\.\.)?".*" is not valid JSON$/s, '')
    throw new InputFault(`malformed JSON: ${problem}`, {
      line: line + text.trimStart().slice(0, position).split('\n').length - 1,
      hint: text.trim() === '' ? 'a comma is followed by no value' : 'the rows before it are well-formed',
      cause: error,
    })
  }
}

/** JSON again, with integers that only a bigint holds written as they were read. */
export function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}:${jsonText(inner)}`)
    .join(',')}}`
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value of JSON is, for messages. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'another object'
  return `a ${typeof value}`
}
