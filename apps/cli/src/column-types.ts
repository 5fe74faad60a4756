import type { ColumnType } from '@meru/core'
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

/** Every type by the name that `--types` takes. */
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
  if (type === undefined) {
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
  return length >= 1 && length <= 65_535 ? { kind: 'fixed', length } : undefined
}

/** Splits at commas that are outside of brackets. */
function splitParts(text: string): string[] {
  return text
    .split(/,(?![^()]*\))/)
    .map((part) => part.trimStart())
    .filter((part) => part !== '')
}
