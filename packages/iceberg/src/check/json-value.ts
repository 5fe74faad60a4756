/** JSON as the check reads it: integers beyond the safe range become `bigint`. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonRecord
export type JsonRecord = { [key: string]: JsonValue | undefined }

type Revive = (key: string, value: unknown, context: { source?: string }) => unknown

/** Throws a `SyntaxError`. */
export function readJson(bytes: Uint8Array): JsonValue {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  const parse = JSON.parse as (text: string, revive: Revive) => JsonValue
  return parse(text, (_key, value, context) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    return /^-?[0-9]+$/.test(context.source ?? '') ? BigInt(context.source ?? 0) : value
  })
}

export function recordOf(value: JsonValue | undefined): JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

export function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}

export function recordsOf(value: JsonValue | undefined): JsonRecord[] {
  return listOf(value).map(recordOf)
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** A 64-bit number as text, for comparison; empty if it is none. */
export function numberText(value: JsonValue | undefined): string {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : ''
}

export function isLong(value: JsonValue | undefined): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
}

/** Where a `null` stands, if there is one. */
export function findNull(value: JsonValue, at = ''): string | undefined {
  if (value === null) return at === '' ? 'the document' : at
  if (typeof value !== 'object') return undefined
  for (const [key, member] of Object.entries(value)) {
    const found = member === undefined ? undefined : findNull(member, `${at}/${key}`)
    if (found !== undefined) return found
  }
  return undefined
}
