import { MemoryFs } from '@meru/fs'
import {
  Random,
  randomOperations,
  replayCommand,
  seedsFromEnvironment,
  showOperations,
  shrink,
} from '@meru/testkit'
import type { DatabaseOperation } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { Settings } from '../src/index.ts'
import { TINY } from './fixture.ts'
import { DatabaseSession } from './session.ts'

/** The same histories must give the same answers under any of these. */
const OPTION_SETS: readonly Partial<Settings>[] = [
  TINY,
  { ...TINY, memtableBytesMax: 1024, pageCacheBytes: 0, manifestEditsPerState: 1 },
  { ...TINY, autoCompaction: false, groupBytesMax: 1, walPreallocate: true },
  {
    ...TINY,
    memtableBytesMax: 16 * 1024,
    deadFractionMax: 0.05,
    icebergSnapshotsKept: 2,
    layout: {
      level0: { pageRows: 8, rowPageBytes: 1, rowGroupRows: 8 },
      deeper: { pageRows: 8, rowGroupRows: 8, compression: 'none', dictionary: false },
    },
  },
  { layout: { level0: {}, deeper: { pageRows: 16 } } },
  // Several compactions at a time, writers slowed and stopped by them, published files that stay.
  {
    ...TINY,
    workers: 3,
    levelRatio: 1.1,
    fileBytesTarget: 2048,
    pendingSlowdownBytes: 1024,
    pendingStopBytes: 64 * 1024,
    obsoleteGraceMs: 100,
    icebergSnapshotsKept: 2,
  },
]

/** Openings and exports cost a hundred times what a put costs. */
const WEIGHTS = { checkpoint: 0.1, reopen: 0.3, crash: 0.3, flush: 1, compact: 0.3, alter: 0.6 }
const SHRINK_TRIES = 150

async function failureOf(operations: readonly DatabaseOperation[], seed: number): Promise<Error | undefined> {
  const session = new DatabaseSession({
    fs: new MemoryFs(),
    settings: OPTION_SETS[seed % OPTION_SETS.length],
    seed,
  })
  try {
    await session.open()
    for (const operation of operations) await session.run(operation)
    const found = await session.state()
    const differences = session.model.model.differences(found)
    if (differences.length > 0) throw new Error(differences.slice(0, 5).join('\n'))
    await session.close()
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Runs the seeds for which `seed % parts` is `part`: histories are many, and files run side by side. */
export function testHistories(part: number, parts: number): void {
  const { seeds, operations: count } = seedsFromEnvironment(process.env, { seeds: 100, operations: 2000 })
  const own = seeds.filter((seed) => seeds.length === 1 || seed % parts === part)
  describe('a database and a sorted map', () => {
    test.each(own)('agree on a random history (seed %i)', { timeout: 120_000 }, async (seed) => {
      const operations = randomOperations(new Random(seed), count, WEIGHTS)
      const failure = await failureOf(operations, seed)
      if (failure === undefined) return
      const fails = async (candidate: readonly DatabaseOperation[]): Promise<boolean> =>
        (await failureOf(candidate, seed)) !== undefined
      const shortest = await shrink(operations, fails, SHRINK_TRIES)
      const message = (await failureOf(shortest, seed))?.message ?? failure.message
      const replay = replayCommand(`packages/db/test/model-${part}.test.ts`, seed, count)
      expect.fail(
        `${message}\n${failure.stack}\nreplay: ${replay}\nshortest script:\n${showOperations(shortest)}`,
      )
    })
  })
}
