/** A JSON value whose integers are exact: those beyond the safe range are `bigint`. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

export type JsonObject = { readonly [key: string]: Json | undefined }

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
type ExactJson = {
  parse(text: string, reviver: Reviver): Json
  rawJSON(text: string): unknown
}

// The type library does not know the source text of numbers yet.
const exact = JSON as unknown as ExactJson

const INTEGER = /^-?\d+$/

/** Parses JSON without rounding integers. Throws a `SyntaxError`. */
export function parseJson(text: string): Json {
  return exact.parse(text, (_key, value, { source }) => {
    const isRounded = typeof value === 'number' && !Number.isSafeInteger(value)
    return isRounded && source !== undefined && INTEGER.test(source) ? BigInt(source) : value
  })
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
