import { StartsWith, type TableDefinition } from '@meru/core'

/** A value of a scalar column, as tables take and give it. */
export type Scalar = null | boolean | number | bigint | string | Uint8Array | Date

/** A value of a column: a scalar, or a list, struct or map of them. */
export type Value =
  | Scalar
  | readonly Value[]
  | ReadonlyMap<Scalar, Value>
  | { readonly [field: string]: Value }

/** A row by column name. Treated as immutable. */
export type Row = Readonly<Record<string, Value>>

/** Whether two values are the same to the last bit: NaN is NaN, and -0 is not 0. */
export function valuesEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime())
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, i) => valuesEqual(value, b[i]))
  }
  if (a instanceof Map) return b instanceof Map && valuesEqual([...a], [...b])
  if (typeof a === 'object' && a !== null) {
    const isObject = typeof b === 'object' && b !== null && Object.getPrototypeOf(b) === Object.prototype
    return isObject && rowsEqual(a, b)
  }
  return Object.is(a, b)
}

/** Whether two rows have the same columns with the same values, in any order; absent rows are equal, too. */
export function rowsEqual(a: object | undefined, b: object | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && valuesEqual(Reflect.get(a, name), Reflect.get(b, name)))
  )
}

/** A row as a table gives it back: every column in the order of the schema, its default or null where none was given. */
export function normalise(definition: TableDefinition, row: object, defaults: Row = {}): Row {
  const values = definition.schema.columns.map(({ name }): [string, Value] => {
    const value = Reflect.get(row, name) as Value | undefined
    return [name, value === undefined ? (defaults[name] ?? null) : value]
  })
  return Object.fromEntries(values)
}

/** The columns of a row that are selected, in the order of the selection. */
export function selected(row: Row, names: readonly string[] | undefined): Row {
  return names === undefined ? row : Object.fromEntries(names.map((name) => [name, row[name]]))
}

/** A value as TypeScript would have it, so that a failure can be pasted into a test. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (Object.is(value, -0)) return '-0'
  if (value instanceof Date) return `new Date(${value.getTime()})`
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(', ')})`
  if (value instanceof StartsWith) return `startsWith(${showValue(value.start)})`
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`
  if (value instanceof Map) return `new Map(${showValue([...value])})`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([name, part]) => `${name}: ${showValue(part)}`)
      .join(', ')} }`
  }
  return String(value)
}
