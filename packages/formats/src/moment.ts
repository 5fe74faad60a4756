/**
 * Dates and times as people write them in files: the year first, `-` or `/` between its parts, `T` or a
 * space before the time. Anything that could be read in two ways is left alone.
 */

const DATE = /^(\d{4})([-/])(\d\d)\2(\d\d)$/
const MOMENT =
  /^(\d{4})([-/])(\d\d)\2(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?: ?(Z|[+-]\d\d(?::?\d\d)?))?$/
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/

export interface Moment {
  /** Since 1970-01-01T00:00, in UTC if there is a zone, else as the wall shows it. */
  readonly nanos: bigint
  readonly hasZone: boolean
  /** The text names no part of a microsecond, which `timestamp` could not hold. */
  readonly isMicros: boolean
}

/** The ISO date that a text names, or `undefined`. */
export function parseDateText(text: string): string | undefined {
  const match = DATE.exec(text)
  if (match === null || !isDay(match[1], match[3], match[4])) return undefined
  return match[2] === '-' ? text : `${match[1]}-${match[3]}-${match[4]}`
}

/** The moment that a text names, or `undefined`. */
export function parseMoment(text: string): Moment | undefined {
  const match = MOMENT.exec(text)
  if (match === null || !isDay(match[1], match[3], match[4])) return undefined
  const [hour, minute, second] = [Number(match[5]), Number(match[6]), Number(match[7] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const offset = offsetMinutes(match[9])
  if (offset === undefined) return undefined
  // A four-digit year below 100 would be taken for one of the last century by Date.UTC.
  const day = Date.parse(`${match[1]}-${match[3]}-${match[4]}T00:00:00Z`)
  const seconds = day / 1000 + hour * 3600 + (minute - offset) * 60 + second
  const fraction = (match[8] ?? '').padEnd(9, '0')
  return {
    nanos: BigInt(seconds) * 1_000_000_000n + BigInt(fraction),
    hasZone: match[9] !== undefined,
    isMicros: fraction.endsWith('000'),
  }
}

/** Microseconds since midnight, or `undefined`. */
export function parseTimeText(text: string): number | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return (hour * 3600 + minute * 60 + second) * 1_000_000 + Number((match[4] ?? '').padEnd(6, '0'))
}

/** `2001-01-01T00:47:00`, with as much of a fraction as there is, and `Z` if it is a moment in UTC. */
export function formatMoment(nanos: bigint, options: { readonly hasZone: boolean }): string {
  const perSecond = 1_000_000_000n
  const fraction = ((nanos % perSecond) + perSecond) % perSecond
  const seconds = (nanos - fraction) / perSecond
  const milliseconds = Number(seconds) * 1000
  const zone = options.hasZone ? 'Z' : ''
  // The range of Date is narrower than that of 64-bit microseconds.
  if (Math.abs(milliseconds) > 8.64e15) return `${nanos} ns since 1970-01-01`
  const text = new Date(milliseconds).toISOString().replace('.000Z', '')
  return `${text}${fractionText(String(fraction).padStart(9, '0'))}${zone}`
}

/** `06:05:00.25`. */
export function formatTime(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `${clock}${fractionText(String(micros % 1_000_000).padStart(6, '0'))}`
}

function fractionText(digits: string): string {
  const significant = digits.replace(/0+$/, '')
  return significant === '' ? '' : `.${significant}`
}

function isDay(year: string, month: string, day: string): boolean {
  const y = Number(year)
  const m = Number(month)
  const d = Number(day)
  if (m < 1 || m > 12 || d < 1) return false
  const isLeap = y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0)
  const days = m === 2 ? (isLeap ? 29 : 28) : m === 4 || m === 6 || m === 9 || m === 11 ? 30 : 31
  return d <= days
}

function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || 0)
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
