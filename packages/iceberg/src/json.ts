/**
 * A JSON value whose integers are exact: those beyond the safe range are `bigint`. A whole number that is written as a
 * fraction, `1.0`, is a `FractionJson` and stays one: readers in Java refuse `1` for a float.
 */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | FractionJson
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

export type JsonObject = { readonly [key: string]: Json | undefined }

/** A whole number as a fraction, in the text that JSON has of it. */
export interface FractionJson {
  readonly rawJSON: string
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
type ExactJson = {
  parse(text: string, reviver: Reviver): Json
  rawJSON(text: string): FractionJson
  isRawJSON(value: unknown): boolean
}

// The type library does not know the source text of numbers yet.
const exact = JSON as unknown as ExactJson

const INTEGER = /^-?\d+$/

/** Parses JSON without rounding integers. Throws a `SyntaxError`. */
export function parseJson(text: string): Json {
  return exact.parse(text, (_key, value, { source }) => {
    if (source === undefined || typeof value !== 'number') return value
    if (INTEGER.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source)
    return isShownWhole(value) ? exact.rawJSON(source) : value
  })
}

/** A number of a floating-point type. It must be finite. */
export function floatJson(value: number): Json {
  return isShownWhole(value) ? exact.rawJSON(`${Object.is(value, -0) ? '-0' : value}.0`) : value
}

/** Whether the text of a number is that of an integer; large ones have an exponent. */
function isShownWhole(value: number): boolean {
  return INTEGER.test(String(value))
}

/** The inverse of `parseJson`. Members that are `undefined` are left out. */
export function formatJson(value: Json): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? exact.rawJSON(String(member)) : member,
  )
}

/** Whether two values say the same, in whatever order the members of objects come. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return (a ?? b) === null
  if (isArray(a) || isArray(b)) return isArray(a) && isArray(b) && hasSameItems(a, b)
  if (isObject(a) && isObject(b)) return hasSameMembers(a, b)
  return formatJson(a) === formatJson(b)
}

function hasSameItems(a: readonly Json[], b: readonly Json[]): boolean {
  return a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
}

function hasSameMembers(a: JsonObject, b: JsonObject): boolean {
  const names = namesOf(a)
  if (names.length !== namesOf(b).length) return false
  return names.every((name) => b[name] !== undefined && sameJson(a[name], b[name]))
}

/** Of the members that are written. */
function namesOf(object: JsonObject): string[] {
  return Object.keys(object).filter((name) => object[name] !== undefined)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
