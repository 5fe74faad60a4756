import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { Memtable } from '../src/index.ts'
import type { Reading } from './attached-reader.ts'
import { entryAt, find, put, remove, rest } from './entries.ts'

const SEQNO_LAST = 6000

/** `looks`: how often the order is asked for on the way, so that the worker gets all, part or none of it. */
function filled(looks: number): Memtable {
  const random = new Random(looks)
  const memtable = new Memtable({ bytesMax: 4 * 1024 * 1024 })
  for (let seqno = 1; seqno <= SEQNO_LAST; seqno++) {
    const key = `key-${random.below(3000)}`
    if (random.oneIn(5)) remove(memtable, key, seqno)
    else put(memtable, key, seqno, 'x'.repeat(random.below(100)))
    if (looks > 0 && seqno % Math.floor(SEQNO_LAST / looks) === 0) memtable.cursor({ seqnoMax: seqno })
  }
  memtable.seal()
  return memtable
}

async function readInWorker(memtable: Memtable, keys: readonly string[], seqnoMax: number): Promise<Reading> {
  const workerData = { shared: memtable.shared(), keys, seqnoMax }
  const worker = new Worker(new URL('attached-reader.ts', import.meta.url), {
    workerData,
    execArgv: ['--conditions=@meru/source'],
  })
  const [reading] = (await once(worker, 'message')) as [Reading]
  await worker.terminate()
  return reading
}

test.each([0, 1, 7])(
  'a worker reads a sealed memtable as its owner does, order asked for %d times',
  async (looks) => {
    const memtable = filled(looks)
    const keys = ['key-1', 'key-2999', 'key-5000', '']
    const reading = await readInWorker(memtable, keys, 2500)
    const sorted = rest(memtable, memtable.cursor({ seqnoMax: Infinity }))
    expect(reading.counters).toEqual([memtable.keys, SEQNO_LAST, memtable.bytesUsed, 1, SEQNO_LAST])
    expect(reading.sorted).toEqual(sorted)
    expect(reading.backwards).toEqual(sorted.toReversed())
    expect(reading.early).toEqual(rest(memtable, memtable.cursor({ seqnoMax: 2500 })))
    expect(reading.found).toEqual(keys.map((key) => find(memtable, key)))
    expect(reading.refusal).toContain('TypeError')
    expect(sorted).toEqual(Array.from(memtable.sortedRefs(), (ref) => entryAt(memtable, ref)))
    expect(sorted.length).toBe(memtable.keys)
  },
)

test('the arena and the index are shared with the worker, not copied', () => {
  const memtable = filled(1)
  const { arena, slots, order } = structuredClone(memtable.shared())
  expect([arena, slots, order].map((buffer) => buffer instanceof SharedArrayBuffer)).toEqual([
    true,
    true,
    true,
  ])
  const attached = Memtable.attach({ ...memtable.shared(), arena })
  const ref = attached.sortedRefs()[0]
  attached.bytes[attached.keyStartOf(ref)] ^= 1
  expect(memtable.bytes[memtable.keyStartOf(ref)]).toBe(attached.bytes[attached.keyStartOf(ref)])
})
