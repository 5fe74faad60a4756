import { DeadPositions } from '@meru/sst'
import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { carryOver, type MergeInput, type ResolveTarget } from '../src/index.ts'
import { liveRowsOf, puts, SampleStore } from './sample-table.ts'

/** The outputs of a merge, as those that deaths are carried over to. */
async function merged(
  store: SampleStore,
  inputs: readonly MergeInput[],
): Promise<(MergeInput & ResolveTarget)[]> {
  const metas = await store.merge(inputs, { level: 2, fileBytesTarget: 1 })
  return Promise.all(metas.map((meta) => store.open(meta)))
}

test('nothing died, nothing is carried over, and nothing is read', async () => {
  const store = new SampleStore()
  const inputs = [await store.add(0, puts(0, 50), [3]), await store.add(1, puts(50, 90))]
  const outputs = await merged(store, inputs)
  for (const { reader } of inputs) await reader.close()
  const now = new Map(inputs.map(({ id, dead }) => [id, dead]))
  expect(await carryOver(inputs, (id) => now.get(id), outputs)).toEqual([])
})

test('rows that died meanwhile are dead in the outputs; rows dead before are in none', async () => {
  const store = new SampleStore()
  const input = await store.add(0, puts(0, 10), [0, 4])
  const outputs = await merged(store, [input])
  const dead = await carryOver([input], () => input.dead.with([3, 9]), outputs)
  expect(dead).toEqual([{ id: outputs[0].id, positions: Uint32Array.of(2, 7) }])
})

test('an input that left the version died whole', async () => {
  const store = new SampleStore()
  const gone = await store.add(0, puts(0, 5), [1])
  const stays = await store.add(1, puts(5, 8))
  const outputs = await merged(store, [gone, stays])
  const now = (id: string): DeadPositions | undefined => (id === gone.id ? undefined : stays.dead)
  const dead = await carryOver([gone, stays], now, outputs)
  expect(dead).toEqual([{ id: outputs[0].id, positions: Uint32Array.of(0, 1, 2, 3) }])
})

test('a large file may die whole', async () => {
  const store = new SampleStore({ layout: {} })
  const input = await store.add(0, puts(0, 150_000))
  const outputs = await merged(store, [input])
  const dead = await carryOver([input], () => undefined, outputs)
  expect(dead.reduce((rows, { positions }) => rows + positions.length, 0)).toBe(150_000)
})

test.each(Array.from({ length: 12 }, (_, i) => i + 1))('seed %i: random late deaths', async (seed) => {
  const random = new Random(seed)
  const store = new SampleStore()
  const inputs: MergeInput[] = []
  const inputOf = new Map<number, string>()
  for (let from = 0, n = random.between(1, 4); n > 0; n--) {
    const writes = puts(from, from + random.pick([3, 100, 5000])).filter(() => !random.oneIn(5))
    from += 5000
    if (writes.length === 0) continue
    const dead = writes.map((_, i) => i).filter(() => random.oneIn(random.pick([2, 50])))
    const input = await store.add(random.below(3), writes, dead)
    if (input.dead.cardinality === input.rows) continue
    inputs.push(input)
    for (const { id } of await liveRowsOf(input)) inputOf.set(id, input.id)
  }
  const outputs = await merged(store, inputs)
  const now = new Map<string, DeadPositions | undefined>()
  for (const { id, rows, dead } of inputs) {
    const late = Array.from({ length: rows }, (_, i) => i).filter(() => random.oneIn(random.pick([3, 300])))
    now.set(id, random.oneIn(4) ? undefined : dead.with(random.oneIn(4) ? [] : late))
  }
  const carried = new Map((await carryOver(inputs, (id) => now.get(id), outputs)).map((d) => [d.id, d]))
  const survivors: number[] = []
  for (const output of outputs) {
    const dead = DeadPositions.of(carried.get(output.id)?.positions ?? [])
    survivors.push(...(await liveRowsOf({ ...output, dead })).map(({ id }) => id))
  }
  const expected: number[] = []
  for (const input of inputs) {
    const dead = now.get(input.id)
    if (dead !== undefined) expected.push(...(await liveRowsOf({ ...input, dead })).map(({ id }) => id))
  }
  expect(survivors).toEqual(expected.toSorted((a, b) => a - b))
  expect(survivors.length).toBeLessThanOrEqual(inputOf.size)
})
