// The memtable alone, beside a B+tree: node --conditions=@meru/source bench/src/memtable.ts [keys] [runs]
import { Memtable } from '@meru/memtable'
import { Btree } from './memtable-btree.ts'

interface Input {
  readonly name: string
  /** Bytes at the front of the key that all keys share. */
  readonly prefixBytes: number
  readonly bytes: Uint8Array
  readonly keyBytes: number
  readonly stride: number
  /** The keys again, one behind the other, in an order far from the one in which they come. */
  readonly farKeys: Uint8Array
}

const count = Number(process.argv[2] ?? 1_000_000)
const runs = Number(process.argv[3] ?? 3)

/** xorshift32: the same keys in each run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

function input(
  name: string,
  shape: { readonly prefixBytes: number; readonly keyBytes: number; readonly valueBytes: number },
  write: (view: DataView, i: number) => void,
): Input {
  const stride = shape.keyBytes + shape.valueBytes
  const bytes = new Uint8Array(count * stride)
  for (let i = 0; i < count; i++) write(new DataView(bytes.buffer, i * stride, stride), i)
  const farKeys = new Uint8Array(count * shape.keyBytes)
  for (let n = 0, i = 0; n < count; n++, i = (i + 618_033) % count) {
    farKeys.set(bytes.subarray(i * stride, i * stride + shape.keyBytes), n * shape.keyBytes)
  }
  return { name, ...shape, bytes, stride, farKeys }
}

function randomKey(seed: number): (view: DataView) => void {
  const next = generator(seed)
  return (view) => {
    for (let at = 0; at < 16; at += 4) view.setUint32(at, next())
  }
}

/** `user-000123` with its terminator, 5 bytes that all share, and a long. */
function compositeKey(seed: number): (view: DataView, i: number) => void {
  const next = generator(seed)
  return (view, i) => {
    const text = `user-${String(next() % 20_000).padStart(6, '0')}`
    for (let at = 0; at < text.length; at++) view.setUint8(at, text.charCodeAt(at))
    view.setUint8(18, 0x80)
    view.setUint32(22, (Math.imul(i, 0x9e37_79b1) >>> 0) % 1_000_000_000)
  }
}

function ascendingKey(view: DataView, i: number): void {
  view.setUint8(0, 0x80)
  view.setUint32(4, i)
}

function fill({ bytes, keyBytes, stride }: Input, from: number, to: number, into: Memtable): void {
  for (let i = from; i < to; i++) {
    const at = i * stride
    if (!into.apply(bytes, at, at + keyBytes, at + keyBytes, at + stride, i + 1, 0)) throw new Error('full')
  }
}

/** Finds each key once. */
function findAll({ farKeys, keyBytes }: Input, find: (start: number, end: number) => number): void {
  for (let start = 0; start < farKeys.length; start += keyBytes) {
    if (find(start, start + keyBytes) === 0) throw new Error(`lost the key at ${start}`)
  }
}

function walk(memtable: Memtable, reverse: boolean): number {
  const cursor = memtable.cursor({ seqnoMax: Infinity, reverse })
  let seen = 0
  while (cursor.next() !== 0) seen++
  return seen
}

/** One new key, then the ten keys from it on; half the keys are there before. */
function putThenScan(data: Input, memtable: Memtable, rounds: number): void {
  const { bytes, keyBytes, stride } = data
  for (let i = 0, next = count / 2; i < rounds; i++, next++) {
    fill(data, next, next + 1, memtable)
    const lower = bytes.subarray(next * stride, next * stride + keyBytes)
    const cursor = memtable.cursor({ lower, seqnoMax: next + 1 })
    for (let n = 0; n < 10; n++) cursor.next()
  }
}

/** Millions for each second of this thread's processor time: other processes disturb it less than the clock. */
function perSecond(operations: number, work: () => void): number {
  const start = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(start)
  return operations / (user + system)
}

function measure(data: Input): Record<string, number> {
  const { bytes, keyBytes, stride } = data
  const bytesMax = count * (stride + 32) + 1024
  const memtable = new Memtable({ bytesMax })
  const half = new Memtable({ bytesMax })
  const btree = new Btree(count, bytesMax, data.prefixBytes)
  const rounds = Math.min(100_000, count / 2)
  fill(data, 0, count / 2, half)
  walk(half, false)
  return {
    insert: perSecond(count, () => fill(data, 0, count, memtable)),
    'B+tree insert': perSecond(count, () => {
      for (let i = 0; i < count; i++) btree.put(bytes, i * stride, i * stride + keyBytes, (i + 1) * stride)
    }),
    find: perSecond(count, () =>
      findAll(data, (start, end) => memtable.find(data.farKeys, start, end, Infinity)),
    ),
    'B+tree find': perSecond(count, () =>
      findAll(data, (start, end) => btree.find(data.farKeys, start, end)),
    ),
    order: perSecond(count, () => memtable.cursor({ seqnoMax: Infinity })),
    walk: perSecond(count, () => walk(memtable, false)),
    'walk back': perSecond(count, () => walk(memtable, true)),
    'sorted refs': perSecond(count, () => memtable.sortedRefs()),
    'put + scan 10': perSecond(rounds, () => putThenScan(data, half, rounds)),
  }
}

const inputs = [
  input('random, value 16 B', { prefixBytes: 0, keyBytes: 16, valueBytes: 16 }, randomKey(1)),
  input('random, value 100 B', { prefixBytes: 0, keyBytes: 16, valueBytes: 100 }, randomKey(2)),
  input('composite', { prefixBytes: 6, keyBytes: 26, valueBytes: 16 }, compositeKey(3)),
  input('ascending', { prefixBytes: 2, keyBytes: 8, valueBytes: 16 }, ascendingKey),
]
for (const data of inputs) measure(data)
const runsOf = inputs.map(() => [] as Record<string, number>[])
for (let run = 0; run < runs; run++) inputs.forEach((data, i) => runsOf[i].push(measure(data)))
console.log(`million per processor second, ${count} keys, median of ${runs} runs, Node ${process.version}`)
console.log(`| | ${inputs.map(({ name, keyBytes }) => `${name}, key ${keyBytes} B`).join(' | ')} |`)
console.log(`|---|${inputs.map(() => '---|').join('')}`)
for (const name of Object.keys(runsOf[0][0])) {
  const medians = runsOf.map((all) => all.map((figures) => figures[name]).sort((a, b) => a - b)[runs >> 1])
  console.log(`| ${name} | ${medians.map((median) => median.toPrecision(3)).join(' | ')} |`)
}
