/**
 * True for a `Uint8Array`, a `Buffer` included, also one that was made in another realm (a `vm` context,
 * as test runners use them), where `instanceof` fails.
 */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || (ArrayBuffer.isView(value) && tagOf(value) === '[object Uint8Array]')
}

/** True for a `Date`, of whichever realm; it may be invalid. */
export function isDate(value: unknown): value is Date {
  return value instanceof Date || (typeof value === 'object' && tagOf(value) === '[object Date]')
}

/** True for a `Map`, of whichever realm. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map || (typeof value === 'object' && tagOf(value) === '[object Map]')
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}
