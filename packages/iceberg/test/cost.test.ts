import { MemoryFs } from '@meru/fs'
import { type Call, InterceptedFs, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { createExportCache, exportIceberg, retainedFiles } from '../src/index.ts'
import { optionsFor, ORDERS, orders, readPublished, expectSound } from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

const ROWS = 4
/** Files of the table at the first look, and at the last. */
const SMALL = 4
const LARGE = 400
/** Exports that are looked at, at either size: enough for every kind of merge of manifests to be among them. */
const LOOKED_AT = 64

/** What one export wrote. */
interface Cost {
  readonly bytes: number
  readonly files: number
}

class Growing {
  readonly calls: Call[] = []
  /** Whatever an export did to data files but read them. */
  readonly touched: Call[] = []
  readonly costs: Cost[] = []
  readonly env: TestEnvironment = new TestEnvironment()
  readonly cache: ReturnType<typeof createExportCache> = createExportCache()
  readonly formatVersion: 2 | 3
  table!: SampleTable

  constructor(formatVersion: 2 | 3) {
    this.formatVersion = formatVersion
  }

  async start(): Promise<this> {
    const fs = new InterceptedFs(new MemoryFs(), {
      around: (call, run) => {
        this.calls.push(call)
        return run()
      },
      aroundSync: (_call, run) => run(),
    })
    this.table = await SampleTable.create(fs, this.env, ORDERS)
    return this
  }

  /** One more file, one dead row in another one, and an export. Returns its version. */
  async step(i: number): Promise<number> {
    const { table, env, cache, formatVersion, calls } = this
    const dead = i > 0 ? [{ id: ((i * 7) % i) * ROWS }] : []
    await table.flush(orders(i * ROWS, (i + 1) * ROWS), dead)
    calls.length = 0
    const options = { formatVersion, cache, snapshotsKept: 10 }
    const { version } = await exportIceberg(optionsFor(table, env, options))
    const written = calls.filter(({ operation }) => operation === 'write')
    this.costs.push({
      bytes: written.reduce((sum, { length }) => sum + (length ?? 0), 0),
      files: new Set(written.map(({ path }) => path)).size,
    })
    const touched = calls.filter(({ operation, path, to }) => {
      return (
        !['open', 'read', 'size', 'list', 'close'].includes(operation) && `${path} ${to}`.includes('/data/')
      )
    })
    this.touched.push(...touched)
    return version
  }
}

function mean(costs: readonly Cost[], of: (cost: Cost) => number): number {
  return costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length
}

test.each([2, 3] as const)(
  'an export of version %s costs what changed, in a table a hundred times as large too',
  async (formatVersion) => {
    const growing = await new Growing(formatVersion).start()
    for (let i = 0; i < LARGE; i++) {
      await growing.step(i)
      await growing.table.collectGarbage(await retainedFiles(growing.table.fs, 'orders', growing.cache))
    }
    const { costs, touched } = growing
    expect(touched).toEqual([])
    // All snapshots that are kept are in the metadata from the tenth export on.
    const small = costs.slice(SMALL + 10, SMALL + 10 + LOOKED_AT)
    const large = costs.slice(-LOOKED_AT)
    // An entry is written again with each merge of manifests: as often as the logarithm of their number.
    const levels = Math.log(LARGE) / Math.log(SMALL)
    expect(mean(large, ({ bytes }) => bytes)).toBeLessThan(mean(small, ({ bytes }) => bytes) * levels)
    // Two manifests that are new, those that lost a delete file or were merged, delete files, list, metadata, hint.
    expect(Math.max(...large.map(({ files }) => files))).toBeLessThanOrEqual(
      Math.max(...small.map(({ files }) => files)) + 2,
    )
    await expectSound(growing.table.fs, 'tables/orders')
  },
)

test.each([2, 3] as const)(
  'a manifest of version %s that loses no file stays as it is',
  async (formatVersion) => {
    const growing = await new Growing(formatVersion).start()
    const bytesOf = new Map<string, string>()
    let before = new Map<string, string>()
    let kept = 0
    for (let i = 0; i < 30; i++) {
      const { rows } = await readPublished(growing.table, await growing.step(i))
      const after = new Map(rows.map((row) => [row.manifest_path, JSON.stringify(row)]))
      for (const [path, row] of after) {
        const name = path.slice(path.lastIndexOf('/tables/') + 1)
        const bytes = Buffer.from((await growing.table.fs.readFile(name)) ?? []).toString('latin1')
        if (before.has(path)) kept++
        expect(row).toBe(before.get(path) ?? row)
        expect(bytes).toBe(bytesOf.get(path) ?? bytes)
        bytesOf.set(path, bytes)
      }
      before = after
    }
    expect(kept).toBeGreaterThan(30)
  },
)
