import type { TextBlock } from './text-block.ts'
import { isBytes, isDate, isMap } from './value-check.ts'

/** An object with string names, such as a row. */
export type AnyRecord = Readonly<Record<string, unknown>>

/**
 * Objects with the same names in the same order, taken apart and put together. All objects of a shape
 * share one hidden class, which is what makes them cheap to make and to read.
 */
export interface RecordShape {
  /** The properties of a record, in the order of the names. */
  take(record: AnyRecord): unknown[]
  /** The record with these properties. */
  make(values: readonly unknown[]): Record<string, unknown>
  /** Record i has property i of each column. */
  makeAll(columns: readonly (readonly unknown[])[], length: number): Record<string, unknown>[]
  /** The function that reads each property with the reader at its place. */
  reader(parts: readonly PartReader[]): RecordReader
}

/** Reads one property of a record from the key and the value bytes of an encoded row; texts from `block`, if there is one. */
export type PartReader = (
  bytes: Uint8Array,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
  block?: TextBlock,
) => unknown

/** Makes a record of an encoded row. */
export type RecordReader = (
  bytes: Uint8Array,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
  block?: TextBlock,
) => Record<string, unknown>

type Compile = (names: string, body: string) => (...parts: unknown[]) => unknown

/** The shape of records with these names, which hold no `__proto__`. */
export function recordShape(names: readonly string[]): RecordShape {
  try {
    return compiledShape(names)
  } catch {
    // Some hosts forbid code from strings.
    return plainShape(names)
  }
}

/** Property access by literal names: several times the speed of access by variable names. */
export function compiledShape(names: readonly string[]): RecordShape {
  const literals = names.map((name) => JSON.stringify(name))
  const record = (value: (i: number) => string): string =>
    `{${literals.map((literal, i) => `${literal}: ${value(i)}`).join(', ')}}`
  const code = (parameters: string, body: string): unknown =>
    (Function as unknown as Compile)(parameters, `'use strict'; ${body}`)
  const property = (i: number): string => {
    const access = `record[${literals[i]}]`
    return isInherited(names[i]) ? `(Object.hasOwn(record, ${literals[i]}) ? ${access} : undefined)` : access
  }
  const columns = names.map((_, i) => `const c${i} = columns[${i}];`).join(' ')
  const rows = `const rows = []; for (let i = 0; i < length; i++) rows.push(${record((i) => `c${i}[i]`)}); return rows`
  const calls = names.map((_, i) => `p${i}`)
  const read = record((i) => `p${i}(b, k, l, v, w, t)`)
  return {
    take: code('record', `return [${names.map((_, i) => property(i)).join(', ')}]`),
    make: code('values', `return ${record((i) => `values[${i}]`)}`),
    makeAll: code('columns, length', `${columns} ${rows}`),
    // Each reader is called at a place of its own, where it can be compiled in.
    reader: code('parts', `const [${calls.join(', ')}] = parts; return (b, k, l, v, w, t) => (${read})`),
  } as RecordShape
}

/** The same without compiled code. */
export function plainShape(names: readonly string[]): RecordShape {
  const make = (value: (i: number) => unknown): Record<string, unknown> => {
    const record: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) record[names[i]] = value(i)
    return record
  }
  return {
    take: (record) =>
      names.map((name) => (isInherited(name) && !Object.hasOwn(record, name) ? undefined : record[name])),
    make: (values) => make((i) => values[i]),
    makeAll: (columns, length) => Array.from({ length }, (_, row) => make((i) => columns[i][row])),
    reader: (parts) => (bytes, keyStart, keyEnd, valueStart, valueEnd, block) =>
      make((i) => parts[i](bytes, keyStart, keyEnd, valueStart, valueEnd, block)),
  }
}

/** True for names such as `constructor`, which every object seems to have. */
function isInherited(name: string): boolean {
  return name in Object.prototype
}

/**
 * True only if the plain object has no other properties than those of the values: as many as are not
 * undefined. False says nothing.
 */
export function hasOnly(record: AnyRecord, values: readonly unknown[]): boolean {
  if (Object.getPrototypeOf(record) !== Object.prototype) return false
  let properties = 0
  for (const _ in record) properties++
  let present = 0
  for (let i = 0; i < values.length; i++) if (values[i] !== undefined) present++
  return properties === present
}

/** True for objects that may be rows, keys or structs: none that is a value of its own. */
export function isRecord(value: unknown): value is AnyRecord {
  if (typeof value !== 'object' || value === null) return false
  if (Object.getPrototypeOf(value) === Object.prototype) return true
  return !isDate(value) && !isBytes(value) && !isMap(value) && !Array.isArray(value)
}
