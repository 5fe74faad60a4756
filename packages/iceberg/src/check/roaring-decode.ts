/** Reads portable 64-bit roaring bitmaps. Written from the Roaring format specification alone. */

const COOKIE_WITHOUT_RUNS = 12346
const COOKIE_WITH_RUNS = 12347
const OFFSETS_FROM = 4
const ARRAY_MAX = 4096
const BITMAP_BYTES = 8192

/** The values, ascending. Throws an `Error` if the bytes are anything else than one bitmap. */
export function decodeRoaring64(bytes: Uint8Array): number[] {
  const input = new Input(bytes)
  const values: number[] = []
  const bitmaps = input.u32() + input.u32() * 2 ** 32
  for (let i = 0; i < bitmaps; i++) {
    const high = input.u32() * 2 ** 32
    readBitmap32(input, (value) => values.push(high + value))
  }
  if (!input.isAtEnd) throw new Error(`bytes after the bitmap, from ${input.position}`)
  for (let i = 1; i < values.length; i++) {
    if (values[i] <= values[i - 1]) throw new Error(`the bitmap has ${values[i]} after ${values[i - 1]}`)
  }
  return values
}

function readBitmap32(input: Input, visit: (value: number) => void): void {
  const start = input.position
  const cookie = input.u32()
  const hasRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS
  if (!hasRuns && cookie !== COOKIE_WITHOUT_RUNS) throw new Error(`roaring cookie ${cookie}`)
  const count = hasRuns ? (cookie >>> 16) + 1 : input.u32()
  const runFlags = hasRuns ? input.bytes(Math.ceil(count / 8)) : new Uint8Array(Math.ceil(count / 8))
  const containers = Array.from({ length: count }, () => ({ key: input.u16(), size: input.u16() + 1 }))
  const offsets = hasRuns && count < OFFSETS_FROM ? undefined : containers.map(() => input.u32())
  containers.forEach(({ key, size }, i) => {
    const offset = offsets?.[i]
    if (offset !== undefined && offset !== input.position - start) {
      throw new Error(`container ${i} at ${input.position - start}, its offset says ${offset}`)
    }
    const isRun = ((runFlags[i >>> 3] >>> (i & 7)) & 1) === 1
    let found = 0
    readContainer(input, isRun ? 'run' : size > ARRAY_MAX ? 'bitmap' : size, (low) => {
      found++
      visit(key * 65536 + low)
    })
    if (found !== size) throw new Error(`container ${i} has ${found} values and says ${size}`)
  })
}

/** `kind`: how many values an array has, or which other kind it is. */
function readContainer(input: Input, kind: number | 'run' | 'bitmap', visit: (low: number) => void): void {
  if (kind === 'run') {
    for (let runs = input.u16(); runs > 0; runs--) {
      const first = input.u16()
      const last = first + input.u16()
      for (let low = first; low <= last; low++) visit(low)
    }
  } else if (kind === 'bitmap') {
    input.bytes(BITMAP_BYTES).forEach((byte, i) => {
      for (let bit = 0; bit < 8; bit++) if (((byte >>> bit) & 1) === 1) visit(i * 8 + bit)
    })
  } else {
    for (let i = 0; i < kind; i++) visit(input.u16())
  }
}

class Input {
  position = 0
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.position === this.#view.byteLength
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  bytes(length: number): Uint8Array {
    const at = this.#advance(length)
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length)
  }

  #advance(length: number): number {
    const at = this.position
    if (at + length > this.#view.byteLength) throw new Error(`byte ${at}: the bitmap ends too early`)
    this.position = at + length
    return at
  }
}
