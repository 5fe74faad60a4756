import { type CrashMode, MemoryFs } from '@meru/fs'
import { describeCall, FaultyFs, Random, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { open, t, type Table, table } from '../src/index.ts'
import { TINY } from './fixture.ts'
import { probeOf } from './session.ts'

const MODES: readonly CrashMode[] = ['drop', 'sectors', 'torn']

const items = table(
  'items',
  {
    id: t.int(),
    name: t.string(),
    count: t.int().nullable(),
    place: t.struct({ shelf: t.int(), box: t.string().nullable() }).nullable(),
  },
  { key: ['id'] },
)
type Rows = Record<string, unknown>
type AnyTable = Table<Rows, Rows>
type State = ReadonlyMap<number, Rows>

/** One call, and what the table holds after it. */
interface Step {
  readonly run: (table: AnyTable) => Promise<unknown>
  readonly after: (rows: State) => State
}

function put(ids: readonly number[], row: (id: number) => Rows): Step {
  const rows = ids.map((id) => ({ id, ...row(id) }))
  return {
    run: (table) => table.putMany(rows),
    after: (before) => new Map([...before, ...rows.map((added) => [added.id, added] as const)]),
  }
}

function alter(change: Parameters<AnyTable['alter']>[0], project: (row: Rows) => Rows): Step {
  return {
    run: (table) => table.alter(change),
    after: (before) => new Map([...before].map(([id, row]) => [id, project(row)])),
  }
}

function same(run: (table: AnyTable) => Promise<unknown>): Step {
  return { run, after: (before) => before }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const flush = same((table) => table.flush())

const STEPS: readonly Step[] = [
  put(range(0, 12), (id) => ({ name: `n${id}`, count: id, place: { shelf: id, box: `b${id}` } })),
  flush,
  put(range(8, 20), (id) => ({ name: `m${id}`, count: null, place: null })),
  alter(
    (a) => a.add('level', t.int().default(5)).rename({ name: 'title' }).widen('count', t.long()),
    ({ name, count, ...row }) => ({
      ...row,
      title: name,
      count: count === null ? null : BigInt(count as number),
      level: 5,
    }),
  ),
  put(range(15, 25), (id) => ({
    title: `t${id}`,
    count: 2n ** 40n,
    level: id,
    place: { shelf: id, box: null },
  })),
  flush,
  alter(
    (a) =>
      a.within('place', (s) =>
        s.drop('box').rename({ shelf: 'box' }).widen('box', t.long()).add('row', t.int().nullable()),
      ),
    ({ place, ...row }) => ({
      ...row,
      place: place === null ? null : { box: BigInt((place as { shelf: number }).shelf), row: null },
    }),
  ),
  put(range(10, 13), (id) => ({ title: `u${id}`, count: 1n, level: id, place: { box: 2n ** 50n, row: id } })),
  alter(
    (a) => a.drop('count').makeNullable('title'),
    ({ count: _gone, ...row }) => row,
  ),
  put(range(22, 26), () => ({ title: null, level: 0, place: null })),
  same((table) => table.compact()),
  alter(
    (a) => a.add('count', t.string().nullable()).rename({ title: 'level', level: 'title' }),
    ({ title, level, ...row }) => ({ ...row, title: level, level: title, count: null }),
  ),
  put([1], () => ({ title: 1, level: 'x', count: 'new', place: null })),
  same((table) => table.exportIceberg({ formatVersion: 3 })),
]

const STATES: readonly State[] = STEPS.reduce<State[]>(
  (states, step) => [...states, step.after(states.at(-1) as State)],
  [new Map()],
)

interface Moment {
  readonly call: string
  readonly images: readonly (readonly [CrashMode, MemoryFs])[]
  /** Steps that had resolved. */
  readonly done: number
}

async function openItems(
  fs: MemoryFs | FaultyFs['fs'],
  env: TestEnvironment,
  life: number,
): Promise<AnyTable> {
  const db = await open('memory', { settings: TINY, components: { fs, env, probe: probeOf(life) } })
  const stored = await db.storedTable('items')
  return stored ?? ((await db.table(items)) as unknown as AnyTable)
}

async function runSteps(): Promise<Moment[]> {
  const env = new TestEnvironment({ seed: 7 })
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  const moments: Moment[] = []
  let done = 0
  const opened = await env.until(openItems(faulty.fs, env, 1))
  faulty.inject((call) => {
    const random = new Random(call.number)
    const images = MODES.map(
      (mode) => [mode, memory.crashImage(mode, (bound) => random.below(bound))] as const,
    )
    moments.push({ call: describeCall(call), images, done })
    return undefined
  })
  const run = async (): Promise<void> => {
    let current = opened
    for (const step of STEPS) {
      const result = await step.run(current)
      if (typeof result === 'object' && result !== null && 'alter' in result) current = result as AnyTable
      done++
    }
    await (opened.database as { close(): Promise<void> }).close()
  }
  await env.until(run())
  return moments
}

async function recovered(fs: MemoryFs): Promise<Rows[]> {
  const env = new TestEnvironment({ seed: 8 })
  const read = async (): Promise<Rows[]> => {
    const found = await openItems(fs, env, 1_000_000)
    const rows = await found.scan().toArray()
    // What the crash left can be changed again.
    const next = await found.alter((a) => a.add('extra', t.int().default(1)))
    const again = await next.scan().toArray()
    expect(again).toEqual(rows.map((row) => ({ ...row, extra: 1 })))
    await (found.database as { close(): Promise<void> }).close()
    return rows
  }
  return env.until(read())
}

function listOf(state: State): Rows[] {
  return [...state.values()].toSorted((a, b) => (a['id'] as number) - (b['id'] as number))
}

test(
  'a crash at any call of a change leaves the table before it or after it, with every row',
  { timeout: 300_000 },
  async () => {
    const moments = await runSteps()
    expect(moments.length).toBeGreaterThan(100)
    let seen = 0
    for (const { call, images, done } of moments) {
      const allowed = STATES.slice(done, done + 2).map(listOf)
      for (const [mode, fs] of images) {
        const rows = await recovered(fs)
        const where = `${mode} before ${call}, after step ${done}`
        expect({ where, rows: allowed.some((state) => isSame(state, rows)) || rows }).toEqual({
          where,
          rows: true,
        })
        seen++
      }
    }
    expect(seen).toBe(moments.length * MODES.length)
  },
)

function isSame(expected: readonly Rows[], found: readonly Rows[]): boolean {
  const text = (rows: readonly Rows[]): string =>
    JSON.stringify(
      rows.map((row) => Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
    )
  return text(expected) === text(found)
}
