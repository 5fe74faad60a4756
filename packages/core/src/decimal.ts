/** Decimals as text: `-12.30`. The unscaled integer of `-12.30` at scale 2 is -1230. */

const DECIMAL = /^-?(\d+)(?:\.(\d+))?$/

/**
 * The digits of the unscaled integer, with sign, or `undefined` if the text is no decimal of that
 * precision and scale. Fewer fraction digits than the scale are filled up with zeros; more are refused
 * unless they are zeros.
 */
export function unscaledDigits(text: string, precision: number, scale: number): string | undefined {
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  let fraction = match[2] ?? ''
  if (fraction.length > scale) {
    for (let i = scale; i < fraction.length; i++) if (fraction.charCodeAt(i) !== 0x30) return undefined
    fraction = fraction.slice(0, scale)
  }
  const digits = (match[1] + fraction.padEnd(scale, '0')).replace(/^0+(?=\d)/, '')
  if (digits.length > precision) return undefined
  return text.charCodeAt(0) === 0x2d && digits !== '0' ? '-' + digits : digits
}

/** The text of an unscaled integer, always with `scale` fraction digits. */
export function formatDecimal(unscaled: number | bigint, scale: number): string {
  const text = String(unscaled)
  if (scale === 0) return text
  const sign = text.charCodeAt(0) === 0x2d ? '-' : ''
  const digits = text.slice(sign.length).padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}
