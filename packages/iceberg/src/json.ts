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
  return formatJson(sorted(a ?? null)) === formatJson(sorted(b ?? null))
}

function sorted(value: Json): Json {
  if (exact.isRawJSON(value)) return value
  if (isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member ?? null)]),
  )
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
