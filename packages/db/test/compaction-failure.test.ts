import { setImmediate } from 'node:timers/promises'
import { MemoryFs } from '@meru/fs'
import { FaultyFs, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { openMemory, users } from './fixture.ts'

/** Turns of the event loop in which all is done that does not wait for a timer. */
const TURNS = 200

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await setImmediate()
}

/** A file system with a table of four files of level 0. */
async function filledFs(): Promise<MemoryFs> {
  const memory = new MemoryFs()
  const before = await openMemory(memory, { settings: { autoCompaction: false } })
  const filled = await before.table(users)
  for (let file = 0; file < 4; file++) {
    await filled.putMany(
      Array.from({ length: 20 }, (_, id) => ({ tenant: `t${file}`, id: 20 - id, name: 'x' })),
    )
    await filled.putMany(Array.from({ length: 20 }, (_, id) => ({ tenant: `t${3 - file}`, id, name: 'y' })))
    await filled.flush()
  }
  await before.close()
  return memory
}

test('a compaction that fails is begun once, and again when its retry comes', async () => {
  const memory = await filledFs()
  const env = new TestEnvironment({ seed: 3 })
  const faulty = new FaultyFs(memory)
  const begun: boolean[] = []
  let isBroken = true
  faulty.inject(({ operation, path }) => {
    if (operation !== 'create' || !path.endsWith('.parquet')) return undefined
    begun.push(isBroken)
    return isBroken ? { errno: 'EIO' } : undefined
  })
  let errors = 0
  const db = await openMemory(memory, {
    settings: { workers: 0 },
    components: {
      env,
      fs: faulty.fs,
      onEvent: ({ kind }) => void (errors += Number(kind === 'backgroundError')),
    },
  })
  await db.table(users)
  await settle()
  expect([begun, errors]).toEqual([[], 0])
  env.advance(1000)
  await settle()
  expect([begun, errors]).toEqual([[true], 1])
  env.advance(999)
  await settle()
  expect([begun, errors]).toEqual([[true], 1])
  env.advance(1)
  await settle()
  expect([begun, errors]).toEqual([[true, true], 2])
  isBroken = false
  env.advance(1000)
  await settle()
  expect(errors).toBe(2)
  expect(db.stats().counters.compactions).toBeGreaterThan(0)
  await db.close()
})

test('writers that are slowed do not begin a compaction that failed before its retry comes', async () => {
  const memory = await filledFs()
  const faulty = new FaultyFs(memory)
  const env = new TestEnvironment({ seed: 3 })
  let begun = 0
  let isBroken = true
  faulty.inject(({ operation, path }) => {
    if (operation !== 'create' || !path.endsWith('.parquet')) return undefined
    begun++
    return isBroken ? { errno: 'EIO' } : undefined
  })
  const settings = { workers: 0, l0SlowdownFiles: 4 }
  const db = await openMemory(memory, { settings, components: { env, fs: faulty.fs } })
  const table = await db.table(users)
  await settle()
  expect(begun).toBe(1)
  for (let id = 0; id < 5; id++) {
    const slowed = table.put({ tenant: 't', id, name: 'slowed' })
    await settle()
    env.advance(50)
    await slowed
  }
  expect([begun, db.stats().counters.heldWrites]).toEqual([1, 5])
  env.advance(1000)
  await settle()
  expect(begun).toBe(2)
  isBroken = false
  await db.close()
})
