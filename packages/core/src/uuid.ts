/** UUIDs as lower-case text in groups of 8-4-4-4-12 digits, and as 16 bytes. */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Where the two digits of each byte stand in the text. */
const DIGIT_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const

/** Writes the 16 bytes of a UUID; false if the text is none. Upper-case digits are taken too. */
export function putUuid(bytes: Uint8Array, at: number, text: string): boolean {
  if (text.length !== 36) return false
  const hyphen = 0x2d
  if (text.charCodeAt(8) !== hyphen || text.charCodeAt(13) !== hyphen) return false
  if (text.charCodeAt(18) !== hyphen || text.charCodeAt(23) !== hyphen) return false
  for (let i = 0; i < 16; i++) {
    const digit = DIGIT_AT[i]
    const byte = (hexDigit(text.charCodeAt(digit)) << 4) | hexDigit(text.charCodeAt(digit + 1))
    if (byte < 0) return false
    bytes[at + i] = byte
  }
  return true
}

/** The text of the 16 bytes at `at`. */
export function getUuid(bytes: Uint8Array, at: number): string {
  const first = HEX[bytes[at]] + HEX[bytes[at + 1]] + HEX[bytes[at + 2]] + HEX[bytes[at + 3]]
  const second = HEX[bytes[at + 4]] + HEX[bytes[at + 5]] + '-' + HEX[bytes[at + 6]] + HEX[bytes[at + 7]]
  const third = HEX[bytes[at + 8]] + HEX[bytes[at + 9]] + '-' + HEX[bytes[at + 10]] + HEX[bytes[at + 11]]
  const fourth = HEX[bytes[at + 12]] + HEX[bytes[at + 13]] + HEX[bytes[at + 14]] + HEX[bytes[at + 15]]
  return `${first}-${second}-${third}${fourth}`
}

/** The value of a hexadecimal digit; negative for any other character. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
