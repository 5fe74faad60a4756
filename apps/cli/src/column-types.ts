import { isNested, type ColumnType, type NestedPart, type StructField } from '@meru/core'
import { usageFailure } from './failure.ts'

/** What `--types` says of one column. */
export interface TypeChoice {
  readonly type: ColumnType
  readonly isNullable: boolean
}

const SIMPLE = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
] as const

/** Every scalar type by the name that `--types` takes. */
export const TYPE_NAMES: string = [...SIMPLE, 'decimal(p,s)', 'fixed(n)'].join(', ')

/**
 * `zip=string,price=decimal(10,2)?`: columns and their types, a `?` after those that may be null. The last
 * `=` of a part stands before the type, because names of columns are free text.
 */
export function parseTypeChoices(texts: readonly string[]): Map<string, TypeChoice> {
  const choices = new Map<string, TypeChoice>()
  for (const part of texts.flatMap(splitParts)) {
    const at = part.lastIndexOf('=')
    if (at < 1) {
      throw usageFailure(
        `--types: "${part}" is not column=type`,
        'for instance --types zip=string,price=double?',
      )
    }
    const name = part.slice(0, at)
    if (choices.has(name)) throw usageFailure(`--types names column "${name}" twice`)
    choices.set(name, parseChoice(part.slice(at + 1).trim(), name))
  }
  return choices
}

function parseChoice(text: string, column: string): TypeChoice {
  const isNullable = text.endsWith('?')
  const type = parseType(isNullable ? text.slice(0, -1) : text)
  if (type === undefined || isNested(type)) {
    throw usageFailure(`--types: column "${column}": "${text}" is not a type`, `the types are ${TYPE_NAMES}`)
  }
  return { type, isNullable }
}

/** The type that a text names, or `undefined`. */
export function parseType(text: string): ColumnType | undefined {
  const name = text.toLowerCase()
  const simple = SIMPLE.find((kind) => kind === name)
  if (simple !== undefined) return { kind: simple }
  const decimal = /^decimal\((\d{1,2}),\s*(\d{1,2})\)$/.exec(name)
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])]
    return precision >= 1 && precision <= 38 && scale <= precision
      ? { kind: 'decimal', precision, scale }
      : undefined
  }
  const fixed = /^fixed[([](\d{1,5})[)\]]$/.exec(name)
  const length = Number(fixed?.[1])
  if (fixed !== null) return length >= 1 && length <= 65_535 ? { kind: 'fixed', length } : undefined
  return parseNested(text)
}

/** `list<string?>`, `map<string, long>`, `struct<street: string, "zip code": int?>`. */
function parseNested(text: string): ColumnType | undefined {
  const nested = /^(list|map|struct)<(.*)>$/is.exec(text.trim())
  if (nested === null) return undefined
  const parts = splitNested(nested[2])
  switch (nested[1].toLowerCase()) {
    case 'list': {
      const element = parts.length === 1 ? parsePart(parts[0]) : undefined
      return element && { kind: 'list', element }
    }
    case 'map': {
      const [key, value] = parts.map(parsePart)
      return parts.length === 2 && key && value ? { kind: 'map', key, value } : undefined
    }
    default: {
      const fields = parts.map(parseField)
      return fields.every((field) => field !== undefined) ? { kind: 'struct', fields } : undefined
    }
  }
}

function parsePart(text: string): NestedPart | undefined {
  const isNullable = text.endsWith('?')
  const type = parseType(isNullable ? text.slice(0, -1) : text)
  return type && { id: 0, type, required: !isNullable }
}

function parseField(text: string): StructField | undefined {
  const named = /^("(?:[^"\\]|\\.)*"|[^":]+):\s*(.*)$/s.exec(text)
  if (named === null) return undefined
  const part = parsePart(named[2])
  const name: unknown = named[1].startsWith('"') ? JSON.parse(named[1]) : named[1].trim()
  return part && { ...part, name: String(name) }
}

/** Splits at commas that are outside of quotes and of brackets of any kind. */
function splitNested(text: string): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[^"]/gs)) {
    if ('<(['.includes(token)) depth++
    if ('>)]'.includes(token)) depth--
    if (token === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += token
  }
  return parts.map((part) => part.trim())
}

/** Splits at commas that are outside of brackets. */
function splitParts(text: string): string[] {
  return text
    .split(/,(?![^()]*\))/)
    .map((part) => part.trimStart())
    .filter((part) => part !== '')
}
