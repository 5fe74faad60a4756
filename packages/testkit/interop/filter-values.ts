/** A value in the forms that a test of filters needs. */
export interface Probe {
  /** As a row of Meru holds it. */
  readonly value: unknown
  /** As programs in other languages are told it: numbers in decimal, bytes in hex, moments in microseconds. */
  readonly text: string
  /** Compares with others of its column. */
  readonly order: bigint | number | Uint8Array
}

/** Values of one column in ascending order, and those next to one of them. */
export interface Scale {
  readonly values: readonly Probe[]
  readonly neighbours: (value: Probe) => Probe[]
}

export function compareProbes(a: Pick<Probe, 'order'>, b: Pick<Probe, 'order'>): number {
  const [left, right] = [a.order, b.order]
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right)
  // NaN is above all numbers.
  if (Number.isNaN(left) || Number.isNaN(right))
    return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  return left < right ? -1 : left > right ? 1 : 0
}

/** Whole numbers from one end of a range to the other, at the widths of bytes and at powers of ten. */
export function wholeScale(
  range: { readonly min: bigint; readonly max: bigint; readonly count: number },
  probeOf: (value: bigint) => Omit<Probe, 'order'>,
): Scale {
  const { min, max, count } = range
  const found = new Set<bigint>([min, min + 1n, max - 1n, max, 0n])
  for (let bits = 0n; bits < 128n; bits += bits < 8n ? 2n : 4n) {
    for (const sign of [1n, -1n]) for (const step of [-1n, 0n]) found.add(sign * (1n << bits) + step)
  }
  for (let power = 10n; power < max; power *= 1000n) found.add(power).add(-power)
  const all = [...found].filter((value) => value >= min && value <= max).sort((a, b) => (a < b ? -1 : 1))
  const probe = (order: bigint): Probe => ({ ...probeOf(order), order })
  const isInside = (value: bigint): boolean => value >= min && value <= max
  return {
    values: spread(all, count).map(probe),
    neighbours: ({ order }) => [(order as bigint) - 1n, (order as bigint) + 1n].filter(isInside).map(probe),
  }
}

/** Floating-point numbers of 4 or 8 bytes, infinities included; the neighbours are the next numbers. */
export function floatScale(bytes: 4 | 8): Scale {
  const least = bytes === 4 ? 2 ** -149 : Number.MIN_VALUE
  const most = bytes === 4 ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE
  const round = (value: number): number => (bytes === 4 ? Math.fround(value) : value)
  const sizes = [
    least,
    1e-30,
    0.1,
    0.5,
    1,
    1.1,
    1.5,
    2,
    3,
    100,
    255.75,
    65536,
    16777216,
    1e10,
    1e30,
    most,
    Infinity,
  ]
  const positive = sizes.map(round)
  const numbers = [...positive.map((value) => -value), 0, ...positive, 7, 8, 9, -7, -8]
  const probe = (value: number): Probe => ({ value, text: String(value), order: value })
  return {
    values: numbers.sort((a, b) => a - b).map(probe),
    // Implementations do not agree on whether −0 equals 0.
    neighbours: ({ order }) =>
      [-1, 1]
        .map((step) => nextFloat(order as number, step, bytes))
        .filter((value) => !Number.isNaN(value) && !Object.is(value, -0))
        .map(probe),
  }
}

function nextFloat(value: number, step: number, bytes: 4 | 8): number {
  if (value === 0) return step * (bytes === 4 ? 2 ** -149 : Number.MIN_VALUE)
  const view = new DataView(new ArrayBuffer(8))
  const away = BigInt(Math.sign(value) * step)
  if (bytes === 4) {
    view.setFloat32(0, value)
    view.setUint32(0, Number(BigInt(view.getUint32(0)) + away))
    return view.getFloat32(0)
  }
  view.setFloat64(0, value)
  view.setBigUint64(0, view.getBigUint64(0) + away)
  return view.getFloat64(0)
}

const LONG = 'é'.repeat(15)
const TEXTS = [
  ...[
    '',
    '\u0001',
    ' ',
    '!',
    '0',
    'A',
    'Z',
    'a',
    'aa',
    'ab',
    'b',
    'z',
    "it's",
    '%',
    '_x',
    'é',
    'ß',
    '東',
    '東京',
  ],
  ...['\ud7ff', '\ue000', '\ufffd', '\u{10000}', '\u{1f600}', '\u{10ffff}'],
  ...[
    `${LONG}a`,
    `${LONG}ab`,
    `${LONG}b`,
    `${LONG}\ud7ff`,
    `${LONG}\ud7ffx`,
    `${LONG}\ue000`,
    `${LONG}\u{10ffff}`,
  ],
  ...[`${LONG}\u{10ffff}z`, '\u{1f600}'.repeat(17), '\u{10ffff}'.repeat(16), '\u{10ffff}'.repeat(20)],
  ...['x'.repeat(15), 'x'.repeat(16), 'x'.repeat(17), 'x'.repeat(100)],
]

/** Texts in the order of their bytes. Neighbours: longer by a character, shorter by one, and as bounds are cut. */
export function textScale(count: number): Scale {
  const probe = (value: string): Probe => ({ value, text: value, order: Buffer.from(value) })
  return {
    values: spread(TEXTS.map(probe).sort(compareProbes), count),
    neighbours: ({ value }) => {
      const points = Array.from(value as string)
      const cut = points.slice(0, 16)
      const near = [`${String(value)}\u0001`, points.slice(0, -1).join(''), cut.join('')]
      const last = cut.at(-1)?.codePointAt(0) ?? 0x10ffff
      if (last < 0xd7ff) near.push([...cut.slice(0, -1), String.fromCodePoint(last + 1)].join(''))
      return near.filter((text) => text !== value).map(probe)
    },
  }
}

/** Bytes of any length, or of one. Neighbours: the last byte one less and one more, one byte more, as bounds are cut. */
export function bytesScale(count: number, length?: number): Scale {
  const probe = (bytes: Uint8Array): Probe => ({
    value: bytes,
    text: Buffer.from(bytes).toString('hex'),
    order: bytes,
  })
  const starts = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]
  const lengths = length === undefined ? [0, 1, 2, 15, 16, 17, 30] : [length]
  const found = new Map<string, Uint8Array>()
  for (const size of lengths) {
    for (const first of starts) {
      for (const rest of starts) {
        const bytes = new Uint8Array(size).fill(rest)
        if (size > 0) bytes[0] = first
        found.set(Buffer.from(bytes).toString('hex'), bytes)
      }
    }
  }
  const all = [...found.values()].map(probe).sort(compareProbes)
  return {
    values: spread(all, count),
    neighbours: ({ order }) => {
      const bytes = order as Uint8Array
      const last = bytes.at(-1)
      const near = last === undefined ? [] : [last - 1, last + 1].filter((byte) => byte >= 0 && byte < 256)
      const changed = near.map((byte) => Uint8Array.from([...bytes.subarray(0, -1), byte]))
      if (length === undefined) changed.push(Uint8Array.from([...bytes, 0]))
      if (length === undefined && bytes.length > 16) changed.push(bytes.slice(0, 16))
      return changed.map(probe)
    },
  }
}

/** UUIDs with every combination of the top bits of their halves. */
export function uuidScale(count: number): Scale {
  const probe = (order: Uint8Array): Probe => {
    const digits = Buffer.from(order).toString('hex')
    const text = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    return { value: text, text, order }
  }
  const fixed = bytesScale(count, 16)
  return {
    values: fixed.values.map(({ order }) => probe(order as Uint8Array)),
    neighbours: (value) => fixed.neighbours(value).map(({ order }) => probe(order as Uint8Array)),
  }
}

/** So many of a sorted list, the ends among them. */
function spread<T>(sorted: readonly T[], count: number): T[] {
  const last = sorted.length - 1
  const picked = Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1)))
  return [...new Set(picked)].map((i) => sorted[i])
}
