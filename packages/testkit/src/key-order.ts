import { keyColumns, StartsWith, type ColumnKind, type TableDefinition } from '@meru/core'
import { valuesEqual, type Row, type Scalar, type Value } from './rows.ts'

/** A key, or the leading part of one, as tables take it: the value itself for one column, else by name. */
export type KeyShape = Exclude<Scalar, null> | Row

/** Bounds of a scan, as tables take them. */
export interface Range {
  readonly gt?: KeyShape
  readonly gte?: KeyShape
  readonly lt?: KeyShape
  readonly lte?: KeyShape
  readonly prefix?: KeyShape | StartsWith | Readonly<Record<string, Value | StartsWith>>
}

/**
 * The order of the keys of a table, by comparing values. It shares no code with the order-preserving
 * encoding that the tables use, so that each checks the other.
 */
export class KeyOrder {
  readonly names: readonly string[]
  readonly #kinds: readonly ColumnKind[]

  constructor(definition: TableDefinition) {
    const columns = keyColumns(definition.schema)
    this.names = columns.map(({ name }) => name)
    this.#kinds = columns.map(({ type }) => type.kind)
  }

  /** The key values of a row, in key order. */
  valuesOf(row: Row): Value[] {
    return this.names.map((name) => row[name])
  }

  /** The values that a key, or a leading part of one, gives. */
  partsOf(shape: KeyShape): Value[] {
    if (!isRecord(shape)) return [shape]
    return this.names.filter((name) => shape[name] !== undefined).map((name) => shape[name])
  }

  /** The key of a row in the shape that tables take. */
  shapeOf(row: Row): KeyShape {
    if (this.names.length === 1) return row[this.names[0]] as KeyShape
    return Object.fromEntries(this.names.map((name) => [name, row[name]]))
  }

  /** Compares keys; of a shorter one only the leading part counts, so that it equals all that start with it. */
  compare(a: readonly Value[], b: readonly Value[]): number {
    const shorter = Math.min(a.length, b.length)
    for (let i = 0; i < shorter; i++) {
      const order = compareValues(this.#kinds[i], a[i] as Scalar, b[i] as Scalar)
      if (order !== 0) return order
    }
    return 0
  }

  isInRange(key: readonly Value[], range: Range): boolean {
    const { gt, gte, lt, lte, prefix } = range
    if (gt !== undefined && this.compare(key, this.partsOf(gt)) <= 0) return false
    if (gte !== undefined && this.compare(key, this.partsOf(gte)) < 0) return false
    if (lt !== undefined && this.compare(key, this.partsOf(lt)) >= 0) return false
    if (lte !== undefined && this.compare(key, this.partsOf(lte)) > 0) return false
    return prefix === undefined || this.#hasPrefix(key, prefix)
  }

  /** Whether no key can be between the bounds, whatever values its other columns have. */
  isEmpty({ gt, gte, lt, lte }: Range): boolean {
    const low = gt ?? gte
    const high = lt ?? lte
    if (low === undefined || high === undefined) return false
    const [from, to] = [this.partsOf(low), this.partsOf(high)]
    const order = this.compare(from, to)
    if (order > 0) return true
    if (order < 0) return gt !== undefined && lt !== undefined && this.#areNeighbours(from, to)
    // Of equal leading parts the shorter one stands for a stretch of keys, with the longer one inside.
    if (from.length < to.length) return gt !== undefined
    if (from.length > to.length) {
      const isLast = from.every((value, i) => i < to.length || isGreatest(this.#kinds[i], value))
      return lt !== undefined || (gt !== undefined && isLast)
    }
    return gt !== undefined || lt !== undefined
  }

  /** Whether nothing sorts between all that starts with `from` and the first that starts with `to`. */
  #areNeighbours(from: readonly Value[], to: readonly Value[]): boolean {
    const last = to.length - 1
    if (from.length < to.length || this.compare(from.slice(0, last), to.slice(0, last)) !== 0) return false
    const isLast = from.every((value, i) => i <= last || isGreatest(this.#kinds[i], value))
    return isLast && isSuccessor(this.#kinds[last], from[last] as Scalar, to[last] as Scalar)
  }

  #hasPrefix(key: readonly Value[], prefix: NonNullable<Range['prefix']>): boolean {
    if (prefix instanceof StartsWith) return startsWith(key[0], prefix.start)
    if (!isRecord(prefix)) return startsWith(key[0], prefix)
    return this.names.every((name, i) => {
      const part = prefix[name]
      if (part === undefined) return true
      return part instanceof StartsWith ? startsWith(key[i], part.start) : valuesEqual(part, key[i])
    })
  }
}

export function isRecord<T extends object>(shape: T | Scalar | StartsWith): shape is T {
  if (typeof shape !== 'object' || shape === null) return false
  return !(shape instanceof Uint8Array) && !(shape instanceof Date) && !(shape instanceof StartsWith)
}

function startsWith(value: Value, start: Value): boolean {
  if (typeof value === 'string' && typeof start === 'string') return value.startsWith(start)
  if (!(value instanceof Uint8Array) || !(start instanceof Uint8Array)) return false
  return start.length <= value.length && start.every((byte, i) => byte === value[i])
}

function compareValues(kind: ColumnKind, a: Scalar, b: Scalar): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareLists(a, b)
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime()
  if (typeof a === 'string' && typeof b === 'string') {
    if (kind === 'decimal') return compareNumbers(unscaled(a), unscaled(b))
    return compareLists(codePoints(a), codePoints(b))
  }
  return compareNumbers(a as number | bigint | boolean, b as number | bigint | boolean)
}

/** Whether no value of the kind is between the two, of which the first is the smaller. */
function isSuccessor(kind: ColumnKind, a: Scalar, b: Scalar): boolean {
  if (typeof a === 'boolean') return true
  if (typeof a === 'bigint' && typeof b === 'bigint') return b - a === 1n
  if (typeof a === 'number' && typeof b === 'number') return b - a === 1
  return kind === 'date' && Date.parse(String(b)) - Date.parse(String(a)) === 86_400_000
}

/** Whether no value of the kind sorts behind this one. Texts and bytes have no greatest one. */
function isGreatest(kind: ColumnKind, value: Value): boolean {
  return kind === 'long' ? value === 2n ** 63n - 1n : kind === 'int' && value === 2 ** 31 - 1
}

function compareNumbers<T extends number | bigint | boolean>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareLists(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

/** Code points sort as UTF-8 does; UTF-16 units do not. */
function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

/** Decimals of one column have the same number of digits after the point. */
function unscaled(text: string): bigint {
  return BigInt(text.replace('.', ''))
}
