import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { resolveDead } from '../src/index.ts'
import { keysOf, puts, SampleStore } from './sample-table.ts'

test('finds the live position of each key, wherever it is', async () => {
  const store = new SampleStore()
  const newest = await store.add(0, [...puts(0, 3), ...puts(50, 60)], [1])
  const older = await store.add(0, puts(0, 10), [0, 2])
  const deep = await store.add(3, puts(100, 200))
  const dead = await resolveDead(keysOf([1, 2, 3, 55, 99, 150, 199, 500]), [newest, older, deep])
  expect(dead).toEqual([
    { id: newest.id, positions: Uint32Array.of(2, 8) },
    { id: older.id, positions: Uint32Array.of(1, 3) },
    { id: deep.id, positions: Uint32Array.of(50, 99) },
  ])
})

test('what is dead already is not found again; targets without a hit are left out', async () => {
  const store = new SampleStore()
  const target = await store.add(1, puts(0, 10), [4])
  expect(await resolveDead(keysOf([4, 11]), [target])).toEqual([])
  expect(await resolveDead(keysOf([]), [target])).toEqual([])
  expect(await resolveDead(keysOf([1]), [])).toEqual([])
})

test('a key that was found is not looked for in older targets', async () => {
  const store = new SampleStore()
  const first = await store.add(0, puts(0, 10))
  const second = await store.add(1, puts(0, 10), [3])
  const asked: number[] = []
  const locate = second.reader.locate.bind(second.reader)
  second.reader.locate = (keys, hit, isDone = new Uint8Array(keys.length)) => {
    asked.push(isDone.filter((done) => done === 0).length)
    return locate(keys, hit, isDone)
  }
  await resolveDead(keysOf([3, 11]), [first, second])
  await resolveDead(keysOf([3, 4]), [first, second])
  expect(asked).toEqual([1])
})

test.each([1, 2, 3, 4, 5])('seed %i: random keys over random files', async (seed) => {
  const random = new Random(seed)
  const store = new SampleStore()
  const homes = Array.from({ length: 400 }, () => random.below(5))
  const targets = await Promise.all(
    [0, 1, 2, 3].map((n) => {
      const writes = puts(0, 400).filter(({ id }) => homes[id] === n || random.oneIn(3))
      const dead = writes.flatMap(({ id }, position) => (homes[id] === n ? [] : [position]))
      return store.add([0, 0, 1, 4][n], writes, dead)
    }),
  )
  const ids = Array.from({ length: 500 }, (_, id) => id - 50).filter(() => random.oneIn(2))
  const found = new Map((await resolveDead(keysOf(ids), targets)).map((rows) => [rows.id, rows.positions]))
  for (const [n, { id, rows, reader, dead }] of targets.entries()) {
    const { columns } = await reader.readRows(0, rows, [10])
    const stored = columns[0].physical === 'i32' ? [...columns[0].values] : []
    const expected = stored.flatMap((key, position) =>
      ids.includes(key) && homes[key] === n && !dead.has(position) ? [position] : [],
    )
    expect([...(found.get(id) ?? [])]).toEqual(expected)
  }
})
