import { expect, test } from 'vitest'
import { measureLayouts } from '../src/layouts.ts'
import { layoutsPage } from '../src/layouts-page.ts'
import { profile } from '../src/profile.ts'
import { profilePage } from '../src/profile-page.ts'
import { publish } from '../src/publish.ts'
import { publishPage } from '../src/publish-page.ts'
import { measureScale, type ScaleResults } from '../src/scale.ts'
import { scalePage } from '../src/scale-page.ts'
import { soak } from '../src/soak.ts'
import { soakPage } from '../src/soak-page.ts'
import { readTargets } from '../src/targets.ts'

const TIMEOUT_MS = 240_000
const targets = readTargets()

test(
  'growing tables: every cost at every size, kept after each run',
  async () => {
    const kept: ScaleResults[] = []
    const results = await measureScale({
      sizes: [2000, 4000],
      engines: ['meru'],
      options: { upsertMs: 50, flushRows: 500, readMs: 5, repeats: 1 },
      log: () => undefined,
      onRun: (found) => void kept.push(found),
    })
    expect(kept.map((found) => found.runs.length)).toEqual([1, 2])
    const [names, others] = results.runs.map((run) => run.costs.map((cost) => cost.name))
    expect(names).toEqual(others)
    expect(names).toEqual(
      expect.arrayContaining(['load, ascending', 'get, uniform', 'compaction of everything']),
    )
    expect(scalePage(results, targets)).toContain('| compaction of everything |')
  },
  TIMEOUT_MS,
)

test(
  'an endless writer: samples with every measure',
  async () => {
    const results = await soak({ minutes: 0.03, rows: 2000, durableEvery: 20, sampleMs: 300 })
    expect(results.samples.length).toBeGreaterThan(0)
    for (const sample of results.samples) {
      expect(sample.files).toBeGreaterThan(0)
      expect(sample.putP99Ms).toBeGreaterThan(0)
      expect(sample.putMaxMs).toBeGreaterThanOrEqual(sample.putP99Ms)
    }
    expect(soakPage(results, targets)).toContain('An endless writer')
  },
  TIMEOUT_MS,
)

test(
  'publication: what was published is read back, over one file and over many',
  async () => {
    const results = await publish({
      tables: [
        { rows: 2000, fileBytes: 1 << 20 },
        { rows: 20_000, fileBytes: 16 << 10 },
      ],
      upserts: 100,
      rounds: 2,
      checkedRowsMax: 20_000,
    })
    const [one, many] = results.publications
    expect(one.dataFiles).toBe(1)
    expect(many.dataFiles).toBeGreaterThan(1)
    expect(one.metadataBytes).toBeGreaterThan(0)
    expect(publishPage(results, targets)).toContain('| 20,000 |')
  },
  TIMEOUT_MS,
)

test(
  'layouts: sizes, DuckDB, gets and scans of each',
  async () => {
    const layouts = [
      { pageRows: 64, compression: 'zstd' },
      { pageRows: 1024, compression: 'none' },
    ] as const
    const results = await measureLayouts({ rows: 3000, layouts, rounds: 1, gets: 20 })
    expect(results.costs.map(({ layout }) => layout)).toEqual(layouts)
    const [small, plain] = results.costs
    expect(plain.bytesPerRow).toBeGreaterThan(small.bytesPerRow)
    for (const { duckOverFilesMs, duckOverOwnMs, getMicros } of results.costs) {
      expect(Math.min(duckOverFilesMs, duckOverOwnMs, getMicros)).toBeGreaterThan(0)
    }
    expect(layoutsPage(results)).toContain('| 1,024 rows, none |')
  },
  TIMEOUT_MS,
)

test(
  'profiles: what each thread did while an operation was measured',
  async () => {
    const results = await profile({
      scale: { rows: 2500, budgetMs: 5 },
      sizes: [2000],
      options: { upsertMs: 50, flushRows: 500, readMs: 5, repeats: 1 },
      log: () => undefined,
    })
    const load = results.operations.find(({ operation }) => operation === 'bulk load, ascending')
    expect(load?.wallMicros).toBeGreaterThan(0)
    for (const shares of [load?.calling, load?.others]) {
      expect(shares?.busyMicros).toBeGreaterThan(0)
      expect(shares?.by.some(({ what }) => what.includes('/'))).toBe(true)
    }
    const sizes = results.operations.flatMap(({ operation, rows }) =>
      operation === 'open, warm' ? [rows] : [],
    )
    expect(sizes).toEqual([2000])
    expect(profilePage(results, targets)).toContain('| operation | thread |')
  },
  TIMEOUT_MS,
)
