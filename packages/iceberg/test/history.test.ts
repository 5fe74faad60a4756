import { MemoryFs } from '@meru/fs'
import { Random, replayCommand, seedsFromEnvironment, TestEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import {
  createExportCache,
  exportIceberg,
  retainedFiles,
  sweepMetadata,
  type ExportCache,
  type FormatVersion,
} from '../src/index.ts'
import { readWithIcebird } from './icebird-reader.ts'
import { readSnapshot } from './reference-reader.ts'
import { expectSound, optionsFor, ORDERS, readPublished } from './sample-export.ts'
import { SampleTable, type Row } from './sample-table.ts'
import { sortedLines, textRows } from '@meru/testkit/interop'

const KEYS = 60
const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 6, operations: 40 })

/** A history, and what every snapshot that was published showed. */
class History {
  readonly fs: MemoryFs = new MemoryFs()
  readonly env: TestEnvironment
  readonly random: Random
  readonly shown: Map<number, string[]> = new Map()
  readonly snapshotsKept: number
  /** The version moves up at a random moment, or never. */
  readonly publishing: { formatVersion: FormatVersion; readonly cache: ExportCache } = {
    formatVersion: 2,
    cache: createExportCache(),
  }
  table!: SampleTable

  constructor(seed: number) {
    this.random = new Random(seed)
    this.env = new TestEnvironment({ seed })
    this.snapshotsKept = this.random.between(2, 6)
    if (this.random.oneIn(3)) this.publishing.formatVersion = 3
  }

  async step(): Promise<void> {
    const { random, table } = this
    await random.weighted<() => Promise<void>>([
      [6, () => table.flush(this.someRows(), this.someRows())],
      [
        2,
        () =>
          table.compact(random.shuffle(table.files.map((file) => file.id)).slice(0, random.between(1, 4))),
      ],
      [1, () => this.addColumn()],
      [1, () => this.upgrade()],
    ])()
    this.env.advance(random.below(3))
  }

  async upgrade(): Promise<void> {
    if (this.random.oneIn(4)) this.publishing.formatVersion = 3
  }

  someRows(): Row[] {
    const { random } = this
    const row = (): Row => ({
      id: random.below(KEYS),
      name: random.oneIn(4) ? null : `name ${random.below(1000)}`,
      price: random.oneIn(4) ? null : random.below(100) / 4,
      extra: random.below(10),
    })
    return Array.from({ length: random.below(12) }, row)
  }

  async addColumn(): Promise<void> {
    if (this.table.schema.columns.length > 3) return
    const id = this.table.schema.lastColumnId + 1
    const added = { id, name: 'extra', type: { kind: 'int' }, required: false } as const
    this.table.evolve((schema) => ({ ...schema, columns: [...schema.columns, added], lastColumnId: id }))
  }

  /** Exports, and collects the garbage. Returns the version. */
  async export(): Promise<number> {
    const { table, env, snapshotsKept } = this
    const { formatVersion } = this.publishing
    const cache = this.random.oneIn(2) ? { cache: this.publishing.cache } : {}
    const result = await exportIceberg(optionsFor(table, env, { snapshotsKept, formatVersion, ...cache }))
    if (!this.shown.has(result.snapshotId)) {
      this.shown.set(result.snapshotId, sortedLines(textRows(table.schema, table.rows)))
    }
    await table.collectGarbage(await retainedFiles(this.fs, table.name))
    return result.version
  }
}

async function expectAllShown(history: History, version: number): Promise<void> {
  const { fs, table, shown, snapshotsKept } = history
  await expectSound(fs, table.directory)
  expect(await sweepMetadata(fs, table.name)).toEqual([])
  const { metadata } = await readPublished(table, version)
  expect(metadata.snapshots.length).toBe(Math.min(snapshotsKept, shown.size))
  for (const snapshot of metadata.snapshots) {
    const id = Number(snapshot['snapshot-id'])
    const schema = table.state.schemas[snapshot['schema-id'] ?? 0]
    const read = await readSnapshot(fs, metadata, id)
    const rows = read.map(({ row }) => row)
    expect(sortedLines(textRows(schema, rows))).toEqual(shown.get(id))
    const rowIds = new Set(read.map(({ rowId }) => rowId))
    expect(snapshot['first-row-id'] === undefined ? read.length : rowIds.size).toBe(read.length)
    // icebird does not know deletion vectors.
    const isKnown = metadata['format-version'] === 2
    const others = isKnown ? await readWithIcebird(fs, metadata, id) : rows
    expect(sortedLines(textRows(schema, others))).toEqual(shown.get(id))
  }
}

test.each(seeds)('every kept snapshot shows what it showed when it was published, seed %i', async (seed) => {
  const history = new History(seed)
  history.table = await SampleTable.create(history.fs, history.env, ORDERS)
  try {
    for (let i = 0; i < operations; i++) {
      if (history.random.oneIn(3)) await expectAllShown(history, await history.export())
      else await history.step()
    }
    await expectAllShown(history, await history.export())
  } catch (error) {
    throw new Error(replayCommand('packages/iceberg/test/history.test.ts', seed, operations), {
      cause: error,
    })
  }
})
