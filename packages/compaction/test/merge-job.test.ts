import { ByteWriter, compareKeys } from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { DeadPositions } from '@meru/sst'
import { FaultyFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { MergeInput } from '../src/index.ts'
import { attemptsWithFailures } from './failing-calls.ts'
import { codec, liveRowsOf, pathOf, puts, SampleStore, type StoredRow, type Write } from './sample-table.ts'

/** Inputs in which each key is live at most once, some rows dead, and the rows that are live. */
async function randomInputs(
  random: Random,
  store: SampleStore,
): Promise<{ inputs: MergeInput[]; live: StoredRow[] }> {
  const keys = random.pick([10, 200, 1000])
  const inputs: MergeInput[] = []
  const live: StoredRow[] = []
  const homes = Array.from({ length: keys }, () => random.below(5))
  const add = async (level: number, place: number, from: number, to: number): Promise<void> => {
    const writes = puts(from, to, 10_000 * (1 + place)).filter(
      ({ id }) => homes[id] === place || random.oneIn(4),
    )
    if (writes.length === 0) return
    const dead = writes.flatMap(({ id }, position) => (homes[id] === place ? [] : [position]))
    inputs.push(await store.add(level, writes, dead))
    live.push(...(writes.filter(({ id }) => homes[id] === place) as StoredRow[]))
  }
  await add(0, 0, 0, keys)
  await add(0, 1, 0, random.below(keys))
  for (const [place, level] of [
    [2, 1],
    [3, 2],
  ]) {
    for (let from = random.below(keys); from < keys;) {
      const to = Math.min(keys, from + 1 + random.below(keys))
      await add(level, place, from, to)
      from = to
    }
  }
  return { inputs, live: live.toSorted((a, b) => a.id - b.id) }
}

describe('runMerge', () => {
  test.each(Array.from({ length: 15 }, (_, i) => i + 1))('seed %i: the live rows, sorted', async (seed) => {
    const random = new Random(seed)
    const store = new SampleStore()
    const { inputs, live } = await randomInputs(random, store)
    let done = 0
    const level = random.between(1, 4)
    const fileBytesTarget = random.pick([1 << 30, 20_000])
    const metas = await store.merge(inputs, { level, fileBytesTarget, onProgress: (rows) => (done += rows) })
    expect(done).toBe(live.length)
    const outputs = await Promise.all(metas.map((meta) => store.open(meta)))
    const rows = (await Promise.all(outputs.map((output) => liveRowsOf(output)))).flat()
    expect(rows).toEqual(live)
    for (const meta of metas) expect(meta).toMatchObject({ level, schemaId: 0 })
    for (const [i, meta] of metas.slice(1).entries()) {
      expect(compareKeys(metas[i].maxKey, meta.minKey)).toBeLessThan(0)
    }
    const seqnos = live.map(({ seqno }) => seqno)
    expect(Math.min(...metas.map((meta) => meta.minSeqno))).toBe(Math.min(...seqnos))
    expect(Math.max(0, ...metas.map((meta) => meta.maxSeqno))).toBe(Math.max(0, ...seqnos))
  })

  test('a new file begins when one has reached the target', async () => {
    const store = new SampleStore({ layout: {} })
    const inputs = [await store.add(0, puts(0, 40_000)), await store.add(1, puts(40_000, 60_000))]
    const [whole] = await store.merge(inputs, { level: 1 })
    const fileBytesTarget = Math.round(whole.bytes / 4)
    const metas = await store.merge(inputs, { level: 1, fileBytesTarget })
    expect(metas.length).toBeGreaterThanOrEqual(3)
    expect(metas.reduce((rows, meta) => rows + meta.rows, 0)).toBe(60_000)
    for (const meta of metas.slice(0, -1)) expect(meta.bytes).toBeGreaterThan(fileBytesTarget * 0.8)
    for (const meta of metas) expect(meta.bytes).toBeLessThan(fileBytesTarget * 2)
  })

  test('a file ends before each cut that falls between its rows, unless it is small yet', async () => {
    const store = new SampleStore({ layout: {} })
    const inputs = [await store.add(0, puts(0, 20_000)), await store.add(1, puts(20_000, 60_000))]
    const encoded = new ByteWriter()
    const cuts = [-5, 0, 10_000, 10_001, 30_000, 59_999, 70_000].map((id) => {
      encoded.clear()
      codec.encodeKey(id, encoded)
      return encoded.written().slice()
    })
    const metas = await store.merge(inputs, { level: 1, cuts, fileBytesTarget: 1 << 20 })
    expect(metas.map(({ rows }) => rows)).toEqual([10_000, 20_000, 29_999, 1])
    const large = await store.merge(inputs, { level: 1, cuts, fileBytesTarget: 1 << 30 })
    expect(large.map(({ rows }) => rows)).toEqual([60_000])
  })

  test('inputs without a live row leave no file', async () => {
    const fs = new MemoryFs()
    const store = new SampleStore({ fs })
    const input = await store.add(0, puts(0, 3), [0, 1, 2])
    expect(await store.merge([input], { level: 1 })).toEqual([])
    expect(await store.merge([], { level: 1 })).toEqual([])
    expect(await fs.list('')).toEqual([pathOf(input.id)])
  })

  test('deaths after the job has begun change nothing: it works on what it was given', async () => {
    const store = new SampleStore()
    const input = await store.add(0, puts(0, 10))
    const grown = { ...input, dead: DeadPositions.of([1]) }
    const [meta] = await store.merge([input], { level: 1 })
    expect(meta.rows).toBe(10)
    expect((await store.merge([grown], { level: 1 }))[0].rows).toBe(9)
  })
})

describe('a key that is live twice', () => {
  test.each([
    [0, 0],
    [0, 1],
    [1, 2],
    [1, 1],
  ])('in inputs of levels %i and %i is corruption that names the files, and leaves none', async (a, b) => {
    const fs = new MemoryFs()
    const store = new SampleStore({ fs })
    const inputs = [await store.add(a, puts(0, 9000)), await store.add(b, puts(8999, 9100))]
    const before = (await fs.list('')).toSorted()
    const merge = store.merge(inputs, { level: 3, fileBytesTarget: 1000 })
    await expect(merge).rejects.toMatchObject({ code: 'CORRUPT' })
    expect((await fs.list('')).toSorted()).toEqual(before)
  })

  test('in one input live and in the other dead is how it should be', async () => {
    const store = new SampleStore()
    const inputs = [await store.add(0, puts(0, 10)), await store.add(0, puts(9, 20), [0])]
    const [meta] = await store.merge(inputs, { level: 1 })
    expect(meta.rows).toBe(20)
  })
})

describe('a job that does not end well', () => {
  const writes: Write[] = puts(0, 30_000)

  test('an abort is thrown with its reason, and every file goes', async () => {
    const fs = new MemoryFs()
    const watched = new FaultyFs(fs)
    const input = await new SampleStore({ fs }).add(0, writes)
    let handles = 0
    watched.inject(({ operation }) => {
      handles += operation === 'create' ? 1 : operation === 'close' ? -1 : 0
      return undefined
    })
    const store = new SampleStore({ fs: watched.fs, seed: 2, layout: {} })
    const controller = new AbortController()
    let batches = 0
    let filesMade = 0
    const merge = store.merge([input], {
      level: 1,
      // A file of two batches, and one that is being written.
      fileBytesTarget: 300_000,
      signal: controller.signal,
      breathe: async () => {
        batches++
        filesMade = (await fs.list('')).length - 1
        if (batches === 3) controller.abort(new Error('enough'))
      },
    })
    await expect(merge).rejects.toThrow('enough')
    expect([batches, filesMade, handles]).toEqual([3, 2, 0])
    expect(await fs.list('')).toEqual([pathOf(input.id)])
  })

  test.each([false, true])(
    'a failure at any call is handed on and every file goes, unless (%s) it lasts',
    async (lasting) => {
      const files = new MemoryFs()
      const { id, reader } = await new SampleStore({ fs: files }).add(0, writes.slice(0, 8300))
      const merge = async (fs: FileSystem, sound: FileSystem): Promise<void> => {
        const input = await new SampleStore({ fs: sound }).open(reader.meta)
        const store = new SampleStore({ fs, seed: 2, layout: {} })
        await store.merge([input], { level: 1, fileBytesTarget: 1 })
      }
      const attempts = await attemptsWithFailures(lasting, merge, files)
      const operations = attempts.map(({ operation }) => operation)
      // Two outputs, and so two files that are made.
      expect(operations.filter((operation) => operation === 'create').length).toBe(2)
      for (const { operation, told, left } of attempts) {
        expect(told).toBe(`IO ${operation}`)
        expect(lasting ? [pathOf(id)] : left).toEqual([pathOf(id)])
      }
    },
  )

  test('a file that was there before is not its own to remove', async () => {
    const fs = new MemoryFs()
    const input = await new SampleStore({ fs, seed: 7 }).add(0, writes.slice(0, 10))
    // The same seed gives the same name.
    await expect(new SampleStore({ fs, seed: 7 }).merge([input], { level: 1 })).rejects.toThrow('EEXIST')
    expect(await fs.list('')).toEqual([pathOf(input.id)])
  })
})
