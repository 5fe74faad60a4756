import { type DatabaseState, findOrphans, Manifest } from '@meru/manifest'
import { type Operation, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { FaultRun, rootOf, SCRIPT, type Step } from './fault-script.ts'

/** Steps that are still taken after one has failed. */
const STEPS_AFTER = 3

async function runScript(run: FaultRun): Promise<void> {
  await run.start()
  let left = Number.POSITIVE_INFINITY
  for (const step of SCRIPT) {
    if (left-- === 0) break
    await run.run(step)
    if (run.failures.length > 0) left = Math.min(left, STEPS_AFTER)
  }
  await run.end()
}

/** The calls of the script when nothing fails. */
async function measure(): Promise<{ calls: Operation[]; syncs: number }> {
  const run = new FaultRun()
  const calls: Operation[] = []
  run.faulty.inject((call) => void calls.push(call.operation))
  await runScript(run)
  expect(run.failures).toEqual([])
  return { calls, syncs: run.faulty.syncs }
}

const { calls, syncs } = await measure()
const EFFECTS = ['none', 'half', 'whole'] as const
/** What a full disk can refuse. */
const TAKING: readonly Operation[] = ['create', 'write', 'link', 'makeDirectory', 'sync', 'syncDirectory']

async function named(what: string, task: () => Promise<void>): Promise<void> {
  await task().catch((error: unknown) => {
    throw new Error(what, { cause: error })
  })
}

describe('one failing call', () => {
  test.each(['EIO', 'ENOSPC'])(
    '%s, anywhere: old or new, and all goes on after a reopening',
    { timeout: 120_000 },
    async (errno) => {
      const failed = new Set<Step['do']>()
      const random = new Random(errno)
      for (let call = 1; call <= calls.length; call++) {
        if (errno === 'ENOSPC' && !TAKING.includes(calls[call - 1])) continue
        const effect = random.pick(EFFECTS)
        await named(`${errno} (${effect}) at call ${call}`, async () => {
          const run = new FaultRun()
          run.faulty.failAt(call, errno, effect)
          await runScript(run)
          for (const failure of run.failures) failed.add(failure.step)
          await run.finish()
        })
      }
      expect(failed).toEqual(new Set(['write', 'ingest', 'flush', 'compact', 'export', 'reopen']))
    },
  )
})

describe('a failing sync', () => {
  test(
    'anywhere, with the power lost later: nothing that was acknowledged is missing',
    { timeout: 60_000 },
    async () => {
      const failed = new Set<Step['do']>()
      for (let sync = 1; sync <= syncs; sync++) {
        await named(`sync ${sync}`, async () => {
          const run = new FaultRun()
          run.faulty.failSyncAt(sync)
          await runScript(run)
          for (const failure of run.failures) failed.add(failure.step)
          await run.finish()
        })
      }
      expect(failed).toEqual(new Set(['write', 'ingest', 'flush', 'compact', 'export', 'reopen']))
    },
  )

  test.each([
    ['the log', 'wal/', { do: 'write', puts: [7], deletes: [] }],
    ['the manifest', 'manifest/', { do: 'flush' }],
  ] as const)(
    'of %s ends writing with the first cause; reads go on; reopening recovers',
    async (_, directory, step) => {
      const run = new FaultRun()
      await run.start()
      await run.run({ do: 'write', puts: [1, 2], deletes: [] })
      let isArmed = true
      run.faulty.inject((call) => {
        if (!isArmed || call.operation !== 'sync' || !call.path.startsWith(directory)) return undefined
        isArmed = false
        return { errno: 'EIO', effect: 'lose' }
      })
      await run.run(step)
      await run.run({ do: 'write', puts: [3], deletes: [] })
      await run.run({ do: 'write', puts: [4], deletes: [1] })
      const errors = run.failures.map(({ error }) => error)
      expect(errors.map((error) => error.code)).toEqual(['POISONED', 'POISONED', 'POISONED'])
      expect(rootOf(errors[0]).message).toContain('planned failure')
      for (const error of errors) expect(rootOf(error)).toBe(rootOf(errors[0]))
      expect([...(await run.rows()).keys()]).toEqual([1, 2])
      await run.finish()
    },
  )
})

describe('a full disk', () => {
  test(
    'fails what meets it, keeps what was acknowledged, and writes resume when there is room',
    { timeout: 120_000 },
    async () => {
      const steps = SCRIPT.filter((step) => step.do !== 'reopen')
      let full = 0
      for (let budget = 0; budget < 24_000; budget += 200) {
        await named(`${budget} free bytes`, async () => {
          const run = new FaultRun()
          await run.start()
          await run.run({ do: 'write', puts: [1, 10, 11], deletes: [] })
          run.faulty.limitFreeBytes(budget)
          for (const step of steps) await run.run(step)
          expect(new Set(run.failures.map(({ error }) => error.code))).toEqual(
            new Set(run.failures.length === 0 ? [] : ['DISK_FULL']),
          )
          if (run.failures.length > 0) full++
          const before = run.failures.length
          run.faulty.heal()
          await run.run({ do: 'write', puts: [12], deletes: [1] })
          await run.run({ do: 'compact' })
          expect(run.failures.slice(before)).toEqual([])
          await run.finish()
        })
      }
      expect(full).toBeGreaterThan(50)
    },
  )

  test.each(['flush', 'compact'] as const)('leaves no file behind after a %s that it fails', async (step) => {
    const run = new FaultRun()
    await run.start()
    for (const id of step === 'flush' ? [1, 2, 3] : [1, 2]) {
      await run.run({ do: 'write', puts: [id, id + 10], deletes: [id + 9] })
      if (id < 3 || step === 'compact') await run.run({ do: 'flush' })
    }
    let failures = -1
    for (let budget = 0; run.failures.length > failures; budget += 100) {
      failures = run.failures.length
      run.faulty.limitFreeBytes(budget)
      await run.run({ do: step })
      run.faulty.heal()
    }
    expect(failures).toBeGreaterThan(10)
    await run.end()
    const state = (await Manifest.load(run.memory)) as DatabaseState
    expect(await findOrphans(run.memory, state, new Set())).toEqual([])
    await run.finish()
  })
})
