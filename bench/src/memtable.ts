// The memtable alone: node --conditions=@meru/source bench/src/memtable.ts [keys] [runs]
import { Memtable } from '@meru/memtable'

interface Input {
  readonly name: string
  readonly count: number
  readonly bytes: Uint8Array
  readonly keyBytes: number
  readonly stride: number
}

const VALUE_BYTES = 16
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
  keyBytes: number,
  valueBytes: number,
  write: (view: DataView, i: number) => void,
): Input {
  const stride = keyBytes + valueBytes
  const bytes = new Uint8Array(count * stride)
  for (let i = 0; i < count; i++) write(new DataView(bytes.buffer, i * stride, stride), i)
  return { name, count, bytes, keyBytes, stride }
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

/** Finds each key once, far from the order in which they came. */
function findAll({ bytes, keyBytes, stride, count: keys }: Input, memtable: Memtable): void {
  for (let i = 0, j = 0; i < keys; i++, j = (j + 618_033) % keys) {
    if (memtable.find(bytes, j * stride, j * stride + keyBytes, Infinity) === 0) throw new Error(`lost ${j}`)
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
  for (let i = 0, next = data.count / 2; i < rounds; i++, next++) {
    fill(data, next, next + 1, memtable)
    const lower = bytes.subarray(next * stride, next * stride + keyBytes)
    const cursor = memtable.cursor({ lower, seqnoMax: next + 1 })
    for (let n = 0; n < 10; n++) cursor.next()
  }
}

function perSecond(operations: number, work: () => void): number {
  const start = performance.now()
  work()
  return operations / (performance.now() - start) / 1000
}

function measure(data: Input): Record<string, number> {
  const bytesMax = data.count * (data.stride + 32) + 1024
  const memtable = new Memtable({ bytesMax })
  const figures: Record<string, number> = {}
  figures['insert'] = perSecond(data.count, () => fill(data, 0, data.count, memtable))
  figures['find'] = perSecond(data.count, () => findAll(data, memtable))
  figures['order'] = perSecond(data.count, () => memtable.cursor({ seqnoMax: Infinity }))
  figures['walk'] = perSecond(data.count, () => walk(memtable, false))
  figures['reverse'] = perSecond(data.count, () => walk(memtable, true))
  figures['refs'] = perSecond(data.count, () => memtable.sortedRefs())
  const half = new Memtable({ bytesMax })
  fill(data, 0, data.count / 2, half)
  walk(half, false)
  const rounds = Math.min(100_000, data.count / 2)
  figures['put + scan 10'] = perSecond(rounds, () => putThenScan(data, half, rounds))
  return figures
}

const inputs = [
  input('random, 16 B', 16, VALUE_BYTES, randomKey(1)),
  input('random, 16 B, value 100 B', 16, 100, randomKey(2)),
  input('composite, 26 B', 26, VALUE_BYTES, compositeKey(3)),
  input('ascending, 8 B', 8, VALUE_BYTES, ascendingKey),
]
measure(inputs[0])
console.log(`million operations per second, ${count} keys, median of ${runs} runs, Node ${process.version}`)
for (const data of inputs) {
  const all = Array.from({ length: runs }, () => measure(data))
  const medians = Object.keys(all[0]).map((name) => {
    const values = all.map((figures) => figures[name]).sort((a, b) => a - b)
    return `${name} ${values[runs >> 1].toFixed(2)}`
  })
  console.log(`${data.name.padEnd(26)} ${medians.join(' · ')}`)
}
