import { Random, replayCommand, seedsFromEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { forcedCompaction, pickJob, type LevelSettings } from '../src/index.ts'
import { LevelFiles } from '../src/level-files.ts'
import { overdueFiles, scoreOfLevel0 } from '../src/overdue.ts'
import { VersionedTable } from './versioned-table.ts'
import type { Write } from './sample-table.ts'

const settings: LevelSettings = {
  l0CompactionFiles: 3,
  levelRatio: 2,
  deadFractionMax: 0.3,
}

const FILE_BYTES_TARGET = 4000

const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 12, operations: 40 })

test.each(seeds)(
  'seed %i: flushes and compactions keep the invariants, whatever comes in between',
  async (seed) => {
    const random = new Random(seed)
    const table = new VersionedTable(FILE_BYTES_TARGET)
    const keys = random.pick([5, 60, 600])
    let seqno = 0
    const writes = (): Write[] => {
      const from = random.below(keys)
      const span = random.oneIn(3) ? keys : random.between(1, 30)
      return Array.from({ length: random.between(1, random.oneIn(3) ? 200 : 20) }, () => {
        const id = (from + random.below(span)) % keys
        return random.oneIn(4) ? { seqno: ++seqno, id } : { seqno: ++seqno, id, note: `v${seqno}` }
      })
    }
    const history: string[] = []
    for (let n = 0; n < operations; n++) {
      const flushesMeanwhile = random.oneIn(2) ? [] : [writes(), ...(random.oneIn(2) ? [] : [writes()])]
      const before = table.contents()
      const kind = random.weighted([
        [4, 'flush'],
        [4, 'compact'],
        [1, 'compact all'],
      ] as const)
      history.push(`${kind} ${kind === 'flush' ? '' : flushesMeanwhile.length}`)
      if (kind === 'flush') {
        await table.flush(writes())
      } else {
        const files = table.files
        const job = kind === 'compact' ? pickJob(files, [], settings) : forcedCompaction(files, {}, 0)
        if (job !== undefined) await table.compact(job, flushesMeanwhile)
      }
      const violations = await table.violations(before)
      const replay = `${history.join(', ')}: ${replayCommand('test/invariants.test.ts', seed, n + 1)}`
      expect(violations.map((violation) => `${violation} after ${replay}`)).toEqual([])
    }
  },
)

test.each(seeds.slice(0, 4))('seed %i: compaction comes to rest, with nothing overdue', async (seed) => {
  const random = new Random(`rest ${seed}`)
  const table = new VersionedTable(FILE_BYTES_TARGET)
  let seqno = 0
  for (let n = 0; n < 12; n++) {
    const from = random.below(800)
    await table.flush(
      Array.from({ length: 120 }, (_, i) => ({
        seqno: ++seqno,
        id: from + i,
        note: `v${random.below(1e9)}`,
      })),
    )
    let jobs = 0
    for (;;) {
      const job = pickJob(table.files, [], settings)
      if (job === undefined) break
      await table.compact(job, [])
      expect(++jobs).toBeLessThan(50)
    }
    expect(scoreOfLevel0(table.files, settings)).toBeLessThan(1)
    expect(overdueFiles(new Set(table.files), new LevelFiles(table.files), settings)).toEqual([])
  }
})
