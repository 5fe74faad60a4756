import { compareKeys } from './byte-compare.ts'
import { ByteWriter } from './byte-writer.ts'
import { endText, successor, TERMINATOR_LENGTH } from './key-bytes.ts'
import { appendKeyValue, appendRawKeyText } from './key-codec.ts'
import { StartsWith, type KeyBounds } from './key-range.ts'
import { isBytes, isDate } from './value-check.ts'
import type { ColumnPlan } from './value-codec.ts'

/** The bounds of a range over a key, whatever its types are. */
export interface AnyRange {
  readonly gt?: unknown
  readonly gte?: unknown
  readonly lt?: unknown
  readonly lte?: unknown
  readonly prefix?: unknown
}

/** No key is below the empty one, so nothing lies in this range. */
const NOTHING: KeyBounds = { lower: new Uint8Array(0), upper: new Uint8Array(0) }

/** Byte bounds of a range. A range that holds no key has an empty `upper`. */
export function encodeRange(table: string, key: readonly ColumnPlan[], range: AnyRange): KeyBounds {
  let lower: Uint8Array | undefined
  let upper: Uint8Array | undefined
  let isNothing = false
  const raise = (bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) isNothing = true
    else if (lower === undefined || compareKeys(bytes, lower) > 0) lower = bytes
  }
  const cut = (bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined && (upper === undefined || compareKeys(bytes, upper) < 0)) upper = bytes
  }
  if (range.gte !== undefined) raise(encodeBound(table, key, 'gte', range.gte))
  if (range.gt !== undefined) raise(successor(encodeBound(table, key, 'gt', range.gt)))
  if (range.lt !== undefined) cut(encodeBound(table, key, 'lt', range.lt))
  if (range.lte !== undefined) cut(successor(encodeBound(table, key, 'lte', range.lte)))
  if (range.prefix !== undefined) {
    const prefix = encodePrefix(table, key, range.prefix)
    raise(prefix)
    cut(successor(prefix))
  }
  if (isNothing || (lower !== undefined && upper !== undefined && compareKeys(lower, upper) >= 0))
    return NOTHING
  return {
    ...(lower === undefined ? undefined : { lower }),
    ...(upper === undefined ? undefined : { upper }),
  }
}

/** For one bound at a time; it is copied out. */
const out = new ByteWriter(64)

function encodeBound(table: string, key: readonly ColumnPlan[], name: string, bound: unknown): Uint8Array {
  out.clear()
  const values = leadingValues(table, key, name, bound)
  values.forEach((value, i) => {
    if (value instanceof StartsWith) {
      throw new TypeError(`table "${table}": startsWith belongs in a prefix, not in ${name}`)
    }
    appendKeyValue(out, key[i], value)
  })
  return out.written().slice()
}

function encodePrefix(table: string, key: readonly ColumnPlan[], prefix: unknown): Uint8Array {
  out.clear()
  const isBare = !isPlainObject(prefix)
  const values = leadingValues(table, key, 'prefix', prefix)
  values.forEach((value, i) => {
    const open = value instanceof StartsWith ? value.start : isBare ? value : undefined
    if (open === undefined) {
      appendKeyValue(out, key[i], value)
      return
    }
    if (i !== values.length - 1) {
      throw new TypeError(
        `table "${table}": startsWith is for the last column of a prefix, not "${key[i].name}"`,
      )
    }
    if (key[i].fixed !== undefined) {
      const problem = `column "${key[i].name}" is neither string nor binary and has no prefixes`
      throw new TypeError(`table "${table}": ${problem}`)
    }
    const start = out.length
    appendRawKeyText(out, key[i], open)
    endText(out, start)
    // Without its terminator the text is the common start of all that begin with it.
    out.length -= TERMINATOR_LENGTH
  })
  return out.written().slice()
}

/** The values of the leading key columns that a bound gives: one or more, without a gap. */
function leadingValues(table: string, key: readonly ColumnPlan[], name: string, bound: unknown): unknown[] {
  const names = key.map((column) => column.name)
  if (!isPlainObject(bound)) {
    if (key.length === 1) return [bound]
    throw new TypeError(
      `table "${table}": ${name} must be an object with leading columns of the key (${names.join(', ')})`,
    )
  }
  const given = Object.keys(bound).filter((column) => bound[column] !== undefined)
  const leading = names.slice(0, given.length)
  if (given.length === 0 || !leading.every((column) => given.includes(column))) {
    throw new TypeError(
      `table "${table}": ${name} has the columns ${given.join(', ') || 'none'}; ` +
        `it needs leading columns of the key (${names.join(', ')})`,
    )
  }
  return leading.map((column) => bound[column])
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  return !isDate(value) && !isBytes(value) && !(value instanceof StartsWith)
}
