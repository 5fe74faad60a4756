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

test('a compaction that fails is begun once, and again when its retry comes', async () => {
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
