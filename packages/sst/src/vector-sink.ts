import { ByteWriter, CorruptionError, type BytesVector, type Vector } from '@meru/core'
import { readIndexes } from './dictionary-indexes.ts'
import type { SstColumn } from './sst-columns.ts'

/** Up to this length a loop copies faster than a call. */
const SHORT_BYTES = 24

/** Of so few rows the bytes are counted before they are copied. */
const FEW_ROWS = 64

/** The body of a data page, decompressed and checked. */
export interface PageBody {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly rows: number
  /** The values that the page's indexes point to, if it has indexes. */
  readonly dictionary: Vector | undefined
  /** For messages. */
  readonly where: { readonly file: string; readonly offset: number }
}

/** The definition levels of a page. */
interface Levels {
  /** The bitmap if some values are absent, else `undefined`. */
  readonly bitmap: Uint8Array | undefined
  readonly present: number
  /** Where the values start. */
  readonly start: number
}

/** Takes the values of page after page and becomes a vector. */
export class VectorSink {
  private readonly column: SstColumn
  private readonly target: Target
  /** Values of `bytes` columns, one after the other, and their offsets. */
  private readonly text: ByteWriter
  private readonly offsets: Uint32Array
  private validity: Uint8Array | undefined
  private readonly capacity: number
  private length = 0

  /** For `capacity` rows whose values take about `bytes` bytes. */
  constructor(column: SstColumn, capacity: number, bytes: number) {
    this.column = column
    this.capacity = capacity
    this.target = makeTarget(column, capacity)
    this.text = new ByteWriter(column.physical === 'bytes' ? bytes : 0)
    this.offsets = new Uint32Array(column.physical === 'bytes' ? capacity + 1 : 0)
  }

  /** Appends rows [from, to) of a page. */
  append(page: PageBody, from: number, to: number): void {
    const levels = this.column.optional
      ? readLevels(page)
      : { bitmap: undefined, present: page.rows, start: page.start }
    this.appendValidity(levels, from, to)
    if (page.dictionary !== undefined) this.appendIndexed(page, levels, page.dictionary, from, to)
    else if (this.column.physical === 'bytes') this.appendBytes(page, levels, from, to)
    else if (this.column.physical === 'bool') this.appendBits(page, levels, from, to)
    else this.appendFixed(page, levels, from, to)
    this.length += to - from
  }

  /** Appends rows [from, to) of a vector of the column. */
  appendVector(vector: Vector, from: number, to: number): void {
    const present = vector.validity === undefined ? vector.length : -1
    this.appendValidity({ bitmap: vector.validity, present, start: 0 }, from, to)
    if (vector.physical === 'bytes') {
      const { text, offsets } = this
      const shift = text.length - vector.offsets[from]
      text.append(vector.bytes.subarray(vector.offsets[from], vector.offsets[to]))
      let at = this.length
      for (let row = from; row < to; row++) offsets[++at] = vector.offsets[row + 1] + shift
    } else {
      const { width } = this.column
      const { buffer, byteOffset } = vector.values
      const bytes = new Uint8Array(buffer, byteOffset + from * width, (to - from) * width)
      bytesOf(this.target as FixedTarget).set(bytes, this.length * width)
    }
    this.length += to - from
  }

  /** The vector of what was appended. */
  finish(): Vector {
    const { length, validity, target } = this
    const base = validity === undefined ? { length } : { length, validity }
    if (target === undefined) {
      return { physical: 'bytes', ...base, bytes: this.text.written(), offsets: this.offsets }
    }
    return { ...target, ...base }
  }

  private appendValidity({ bitmap, present }: Levels, from: number, to: number): void {
    const { length } = this
    if (bitmap === undefined && (present > 0 || from === to)) {
      if (this.validity !== undefined) setBits(this.validity, length, length + to - from)
      return
    }
    if (this.validity === undefined) {
      this.validity = new Uint8Array((this.capacity + 7) >>> 3)
      setBits(this.validity, 0, length)
    }
    if (bitmap === undefined) return
    const { validity } = this
    if ((from & 7) === 0 && (length & 7) === 0) {
      const bytes = (to - from + 7) >>> 3
      validity.set(bitmap.subarray(from >>> 3, (from >>> 3) + bytes), length >>> 3)
      const rest = (to - from) & 7
      if (rest !== 0) validity[(length >>> 3) + bytes - 1] &= (1 << rest) - 1
      return
    }
    for (let row = from, at = length; row < to; row++, at++) {
      if ((bitmap[row >>> 3] & (1 << (row & 7))) !== 0) validity[at >>> 3] |= 1 << (at & 7)
    }
  }

  private appendFixed(page: PageBody, { bitmap, present, start }: Levels, from: number, to: number): void {
    const { width } = this.column
    checkWidth(page, start, present, width)
    const { bytes } = page
    const target = bytesOf(this.target as FixedTarget)
    let at = this.length * width
    if (bitmap === undefined) {
      if (present > 0) target.set(bytes.subarray(start + from * width, start + to * width), at)
      return
    }
    let source = start + countPresent(bitmap, from) * width
    for (let row = from; row < to; row++) {
      if ((bitmap[row >>> 3] & (1 << (row & 7))) !== 0) {
        for (let i = 0; i < width; i++) target[at + i] = bytes[source + i]
        source += width
      }
      at += width
    }
  }

  private appendBits(page: PageBody, { bitmap, present, start }: Levels, from: number, to: number): void {
    if (page.end - start !== (present + 7) >>> 3) {
      throw corrupt(page, `${page.end - start} bytes of bits, ${present} bits expected`)
    }
    const target = (this.target as FixedTarget).values as Uint8Array
    if (bitmap === undefined && present === 0) return
    let bit = bitmap === undefined ? from : countPresent(bitmap, from)
    for (let row = from, at = this.length; row < to; row++, at++) {
      if (bitmap !== undefined && (bitmap[row >>> 3] & (1 << (row & 7))) === 0) continue
      target[at] = (page.bytes[start + (bit >>> 3)] >>> (bit & 7)) & 1
      bit++
    }
  }

  /**
   * The whole body is copied at once, then every value moves down over the lengths between them: moves within one
   * array are cheaper than copies between two.
   */
  private appendBytes(page: PageBody, { bitmap, present, start }: Levels, from: number, to: number): void {
    const { bytes, end } = page
    let at = start
    let skipped = bitmap === undefined ? (present === 0 ? 0 : from) : countPresent(bitmap, from)
    for (; skipped > 0; skipped--) at += 4 + lengthAt(page, at)
    const { text, offsets } = this
    const stop = to === page.rows || to - from > FEW_ROWS ? end : endOf(page, bitmap, present, at, from, to)
    text.reserve(stop - at)
    const target = text.bytes
    const shift = text.length - at
    target.set(bytes.subarray(at, stop), text.length)
    let out = text.length
    let index = this.length
    for (let row = from; row < to; row++) {
      const isPresent = bitmap === undefined ? present > 0 : (bitmap[row >>> 3] & (1 << (row & 7))) !== 0
      if (isPresent) {
        const size = lengthAt(page, at)
        const source = at + 4 + shift
        if (size > SHORT_BYTES) target.copyWithin(out, source, source + size)
        else for (let i = 0; i < size; i++) target[out + i] = target[source + i]
        out += size
        at += 4 + size
      }
      offsets[++index] = out
    }
    if (to === page.rows && at !== end) throw corrupt(page, `${end - at} bytes after the last value`)
    text.length = out
  }

  private appendIndexed(page: PageBody, levels: Levels, dictionary: Vector, from: number, to: number): void {
    const { bitmap, present, start } = levels
    if (scratch.length < present) scratch = new Uint32Array(present)
    readIndexes(page.bytes, start, page.end, present, dictionary.length, scratch, page.where)
    let indexes: Uint32Array = scratch
    if (bitmap !== undefined || present === 0) indexes = spreadIndexes(scratch, bitmap, page.rows)
    if (this.column.physical === 'bytes') this.gatherBytes(indexes, dictionary as BytesVector, from, to)
    else this.gatherFixed(indexes, dictionary, from, to)
  }

  private gatherFixed(indexes: Uint32Array, dictionary: Vector, from: number, to: number): void {
    const { width } = this.column
    const target = this.target as FixedTarget
    const source = dictionary as Exclude<Vector, BytesVector>
    if ((width & 3) !== 0 || target.physical === 'fixed') {
      const into = bytesOf(target)
      const values = new Uint8Array(source.values.buffer, source.values.byteOffset, source.values.byteLength)
      for (let row = from, at = this.length * width; row < to; row++, at += width) {
        if (indexes[row] === ABSENT) continue
        const start = indexes[row] * width
        for (let i = 0; i < width; i++) into[at + i] = values[start + i]
      }
      return
    }
    const words = width >>> 2
    const into = new Int32Array(target.values.buffer)
    const values = new Int32Array(source.values.buffer, source.values.byteOffset)
    for (let row = from, at = this.length * words; row < to; row++, at += words) {
      if (indexes[row] === ABSENT) continue
      const start = indexes[row] * words
      into[at] = values[start]
      if (words === 2) into[at + 1] = values[start + 1]
    }
  }

  private gatherBytes(indexes: Uint32Array, dictionary: BytesVector, from: number, to: number): void {
    const { text, offsets } = this
    let needed = 0
    for (let row = from; row < to; row++) {
      const index = indexes[row]
      if (index !== ABSENT) needed += dictionary.offsets[index + 1] - dictionary.offsets[index]
    }
    text.reserve(needed)
    const target = text.bytes
    let out = text.length
    let at = this.length
    for (let row = from; row < to; row++) {
      const index = indexes[row]
      if (index !== ABSENT) {
        const start = dictionary.offsets[index]
        const size = dictionary.offsets[index + 1] - start
        if (size > SHORT_BYTES) target.set(dictionary.bytes.subarray(start, start + size), out)
        else for (let i = 0; i < size; i++) target[out + i] = dictionary.bytes[start + i]
        out += size
      }
      offsets[++at] = out
    }
    text.length = out
  }
}

/** Throws if the bytes of a page from `start` on are not those of so many values of one width. */
export function checkWidth(page: PageBody, start: number, values: number, width: number): void {
  if (page.end - start === values * width) return
  throw corrupt(page, `${page.end - start} bytes of values, ${values * width} expected`)
}

/** Decodes a dictionary page: PLAIN values, all present. */
export function decodeDictionary(column: SstColumn, page: PageBody): Vector {
  const required = { ...column, optional: false }
  const sink = new VectorSink(required, page.rows, page.end - page.start)
  sink.append(page, 0, page.rows)
  return sink.finish()
}

/** Stands for an absent value among indexes. */
const ABSENT = 0xffffffff

/** The indexes of one page. Decoding a page never awaits, so one array serves all. */
let scratch = new Uint32Array(1024)

/** Indexes of present values as one index for each row. */
function spreadIndexes(indexes: Uint32Array, bitmap: Uint8Array | undefined, rows: number): Uint32Array {
  const spread = new Uint32Array(rows).fill(ABSENT)
  if (bitmap === undefined) return spread
  let next = 0
  for (let row = 0; row < rows; row++) {
    if ((bitmap[row >>> 3] & (1 << (row & 7))) !== 0) spread[row] = indexes[next++]
  }
  return spread
}

type FixedTarget =
  | { readonly physical: 'bool'; readonly values: Uint8Array }
  | { readonly physical: 'i32'; readonly values: Int32Array }
  | { readonly physical: 'i64'; readonly values: BigInt64Array }
  | { readonly physical: 'f32'; readonly values: Float32Array }
  | { readonly physical: 'f64'; readonly values: Float64Array }
  | { readonly physical: 'fixed'; readonly width: number; readonly values: Uint8Array }
type Target = FixedTarget | undefined

function makeTarget({ physical, width }: SstColumn, capacity: number): Target {
  switch (physical) {
    case 'bool':
      return { physical, values: new Uint8Array(capacity) }
    case 'i32':
      return { physical, values: new Int32Array(capacity) }
    case 'i64':
      return { physical, values: new BigInt64Array(capacity) }
    case 'f32':
      return { physical, values: new Float32Array(capacity) }
    case 'f64':
      return { physical, values: new Float64Array(capacity) }
    case 'fixed':
      return { physical, width, values: new Uint8Array(capacity * width) }
    case 'bytes':
      return undefined
  }
}

function bytesOf(target: FixedTarget): Uint8Array {
  return target.physical === 'fixed' ? target.values : new Uint8Array(target.values.buffer)
}

/** One run: all present, all absent, or a bitmap. Other engines write more; we read our own files only. */
function readLevels(page: PageBody): Levels {
  const { bytes, rows, end } = page
  const length = lengthAt(page, page.start)
  const start = page.start + 4 + length
  let at = page.start + 4
  let header = 0
  for (let shift = 0; at < start && shift < 28; shift += 7) {
    const byte = bytes[at++]
    header |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  const size = header >>> 1
  if ((header & 1) === 0) {
    const isPresent = bytes[at]
    if (size !== rows || at + 1 !== start || start > end || isPresent > 1) {
      throw corrupt(page, `levels of ${size} rows, ${rows} expected`)
    }
    return { bitmap: undefined, present: isPresent === 1 ? rows : 0, start }
  }
  const bitmapBytes = (rows + 7) >>> 3
  if (size !== bitmapBytes || at + bitmapBytes !== start)
    throw corrupt(page, `levels of ${size * 8} rows, ${rows} expected`)
  const bitmap = bytes.subarray(at, start)
  return { bitmap, present: countPresent(bitmap, rows), start }
}

/** Present values among the first `rows` rows. */
function countPresent(bitmap: Uint8Array, rows: number): number {
  let present = 0
  for (let at = 0; at < rows; at += 8) {
    let bits = bitmap[at >>> 3]
    if (rows - at < 8) bits &= (1 << (rows - at)) - 1
    for (; bits !== 0; bits &= bits - 1) present++
  }
  return present
}

function setBits(bitmap: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    if ((at & 7) === 0 && to - at >= 8) {
      bitmap.fill(0xff, at >>> 3, to >>> 3)
      at = (to & ~7) - 1
      continue
    }
    bitmap[at >>> 3] |= 1 << (at & 7)
  }
}

/** Where the values of rows [from, to) end, of which the first starts at `at`. */
function endOf(
  page: PageBody,
  bitmap: Uint8Array | undefined,
  present: number,
  at: number,
  from: number,
  to: number,
): number {
  let stop = at
  for (let row = from; row < to; row++) {
    const isPresent = bitmap === undefined ? present > 0 : (bitmap[row >>> 3] & (1 << (row & 7))) !== 0
    if (isPresent) stop += 4 + lengthAt(page, stop)
  }
  return stop
}

/** The length before a value; the value must end within the page. */
export function lengthAt(page: PageBody, at: number): number {
  const { bytes, end } = page
  const length = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
  if (!(length <= end - at - 4)) throw corrupt(page, `a value of ${length} bytes, ${end - at - 4} left`)
  return length
}

function corrupt(page: PageBody, problem: string): CorruptionError {
  return new CorruptionError(page.where, problem)
}
