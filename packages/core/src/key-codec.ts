import type { ByteWriter } from './byte-writer.ts'
import { KEY_BYTES_MAX } from './entry.ts'
import { MeruError } from './errors.ts'
import { endText, flip32, flip64, hasEscape, TERMINATOR_LENGTH, textEnd, unescapeInto } from './key-bytes.ts'
import { appendText, readText } from './text.ts'
import { isBytes } from './value-check.ts'
import { copyBytes, type ColumnPlan } from './value-codec.ts'
import { halfPair, invalidValue } from './value-error.ts'

const scratch = new Uint8Array(8)

/** Appends the key form of a value; throws `INVALID` if it is out of the column's domain. */
export function appendKeyValue(out: ByteWriter, plan: ColumnPlan, value: unknown): void {
  if (plan.fixed === undefined) {
    const start = out.length
    appendRawKeyText(out, plan, value)
    endText(out, start)
    return
  }
  const width = plan.width
  out.reserve(width)
  const at = out.length
  plan.fixed.put(out.view, out.bytes, at, value, plan)
  switch (plan.physical) {
    case 'i32':
      flip32(out.view, at)
      break
    case 'i64':
      flip64(out.view, at)
      break
    case 'fixed':
      if (plan.type.kind === 'decimal') out.bytes[at] ^= 0x80
      break
    default:
      break
  }
  out.length = at + width
}

/** Appends the bytes of a string or binary without escapes and terminator. */
export function appendRawKeyText(out: ByteWriter, plan: ColumnPlan, value: unknown): void {
  if (plan.type.kind === 'string') {
    if (typeof value !== 'string') throw invalidValue(plan, value, 'a string')
    if (value.length > KEY_BYTES_MAX) throw keyTooLong(plan.table, plan.name, value.length)
    if (!appendText(out, value)) throw halfPair(plan, value)
  } else {
    if (!isBytes(value)) throw invalidValue(plan, value, 'a Uint8Array')
    if (value.length > KEY_BYTES_MAX) throw keyTooLong(plan.table, plan.name, value.length)
    out.append(value)
  }
}

/** The error for a key above `KEY_BYTES_MAX`. */
export function keyTooLong(table: string, what: string, length: number): MeruError {
  return new MeruError(
    'INVALID',
    `table "${table}": the key is too long: ${what} takes ${length} bytes, a whole key at most ${KEY_BYTES_MAX}`,
  )
}

/** Index after the key column that starts at `start`. Throws `CORRUPT` if it does not fit before `limit`. */
export function keyValueEnd(bytes: Uint8Array, start: number, limit: number, plan: ColumnPlan): number {
  if (plan.physical === 'bytes') return textEnd(bytes, start, limit) + TERMINATOR_LENGTH
  const end = start + plan.width
  if (end > limit) throw corruptKey(plan, limit - start)
  return end
}

/** The value of the key column in `bytes[start .. end)`, where `end` is its `keyValueEnd`. */
export function readKeyValue(bytes: Uint8Array, start: number, end: number, plan: ColumnPlan): unknown {
  if (plan.fixed === undefined) return readKeyText(bytes, start, end - TERMINATOR_LENGTH, plan)
  switch (plan.physical) {
    case 'i32':
      unflip(bytes, start, 4)
      return plan.fixed.get(scratch, 0, plan)
    case 'i64':
      unflip(bytes, start, 8)
      return plan.fixed.get(scratch, 0, plan)
    case 'fixed': {
      if (plan.type.kind !== 'decimal') return plan.fixed.get(bytes, start, plan)
      const copy = copyBytes(bytes, start, end)
      copy[0] ^= 0x80
      return plan.fixed.get(copy, 0, plan)
    }
    default:
      return plan.fixed.get(bytes, start, plan)
  }
}

function readKeyText(bytes: Uint8Array, start: number, end: number, plan: ColumnPlan): string | Uint8Array {
  const isText = plan.type.kind === 'string'
  if (!hasEscape(bytes, start, end))
    return isText ? readText(bytes, start, end) : copyBytes(bytes, start, end)
  const plain = new Uint8Array(end - start)
  const length = unescapeInto(plain, 0, bytes, start, end)
  return isText ? readText(plain, 0, length) : copyBytes(plain, 0, length)
}

/** Turns the key form of an integer back into little-endian bytes in `scratch`. */
function unflip(bytes: Uint8Array, start: number, width: number): void {
  for (let i = 1; i < width; i++) scratch[width - 1 - i] = bytes[start + i]
  scratch[width - 1] = bytes[start] ^ 0x80
}

export function corruptKey(plan: ColumnPlan, left: number): MeruError {
  return new MeruError(
    'CORRUPT',
    `table "${plan.table}": an encoded key ends inside column "${plan.name}" (${left} of ${plan.width} bytes)`,
  )
}
