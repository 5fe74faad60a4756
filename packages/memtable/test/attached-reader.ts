// The worker's side of worker.test.ts: attaches, reads everything in its own thread, and answers.
import { parentPort, workerData } from 'node:worker_threads'
import { Memtable, type SharedMemtable } from '../src/index.ts'
import { entryAt, find, rest, type TextEntry } from './entries.ts'

export interface Reading {
  readonly counters: readonly number[]
  readonly sorted: readonly TextEntry[]
  readonly backwards: readonly TextEntry[]
  readonly early: readonly TextEntry[]
  readonly found: readonly (TextEntry | undefined)[]
  readonly refusal: string
}

const { shared, keys, seqnoMax } = workerData as { shared: SharedMemtable; keys: string[]; seqnoMax: number }
const memtable = Memtable.attach(shared)
let refusal = ''
try {
  memtable.apply(new Uint8Array(2), 0, 1, 1, 2, 1, 0)
} catch (error) {
  refusal = String(error)
}
const reading: Reading = {
  counters: [memtable.keys, memtable.entries, memtable.bytesUsed, memtable.minSeqno, memtable.maxSeqno],
  sorted: Array.from(memtable.sortedRefs(), (ref) => entryAt(memtable, ref)),
  backwards: rest(memtable, memtable.cursor({ reverse: true, seqnoMax: Infinity })),
  early: rest(memtable, memtable.cursor({ seqnoMax })),
  found: keys.map((key) => find(memtable, key)),
  refusal,
}
parentPort?.postMessage(reading)
