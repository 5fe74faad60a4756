import { MemoryFs } from '@meru/fs'
import { FaultyFs, isCrash, Random, TestEnvironment } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkTable, exportIceberg, rebaseTable } from '../src/index.ts'
import { readMetadataDirectory } from '../src/published-table.ts'
import { ownFiles, strays } from '../src/retention.ts'
import type { TableMetadata } from '../src/table-metadata.ts'
import { readSnapshot } from './reference-reader.ts'
import { orders } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'
import { makeSample, optionsTo } from './sample-target.ts'

const MOVED = 'moved/elsewhere'

let env: TestEnvironment
let disk: MemoryFs
let table: SampleTable
/** What each snapshot showed, by its id. */
let shown: Map<number, string[]>

/** A history with every form of deletes, in both versions. */
async function history(mode: 'hardlink' | 'reference'): Promise<void> {
  env = new TestEnvironment()
  disk = new MemoryFs()
  table = await makeSample(disk, env)
  shown = new Map()
  for (let step = 0; step < 8; step++) {
    await table.flush(orders(step * 10, step * 10 + 30, `s${step}`), [{ id: step }, { id: step * 7 }])
    if (step === 4) await table.compact(table.files.slice(1).map((file) => file.id))
    const formatVersion = step < 4 ? 2 : 3
    const { snapshotId } = await exportIceberg(
      optionsTo(disk, mode, table, {
        env,
        formatVersion,
        snapshotsKept: 6,
        tags: { [`t${step % 2}`]: 'current' },
      }),
    )
    shown.set(snapshotId, sortedLines(textRows(table.schema, table.rows)))
  }
}

/** The files as they are after their directory was moved. */
function moved(from: string, to: string): MemoryFs {
  const files = [...disk.snapshotFiles()].map(
    ([path, bytes]) => [path.startsWith(`${from}/`) ? to + path.slice(from.length) : path, bytes] as const,
  )
  return MemoryFs.from(files)
}

async function expectHistory(fs: MemoryFs, directory: string): Promise<TableMetadata> {
  const { published } = await readMetadataDirectory({ fs, directory })
  if (published === undefined) throw new Error('nothing is published')
  const { metadata } = published
  for (const snapshot of metadata.snapshots) {
    const id = Number(snapshot['snapshot-id'])
    const rows = await readSnapshot(fs, metadata, id)
    expect(
      sortedLines(
        textRows(
          table.schema,
          rows.map(({ row }) => row),
        ),
      ),
    ).toEqual(shown.get(id))
  }
  const place = { fs, directory }
  const named = await ownFiles(place, metadata, { withData: false })
  expect((await strays(place, { withData: false })).filter((path) => !named.has(path))).toEqual([])
  return metadata
}

describe('a table whose directory has moved', () => {
  beforeEach(() => history('hardlink'))

  test('shows every snapshot where it is, and goes on from there', async () => {
    const fs = moved('out/orders', MOVED)
    const before = await readMetadataDirectory({ fs, directory: MOVED })
    const report = await rebaseTable({ fs, env, directory: MOVED })
    expect(report).toEqual({
      metadataFile: `memory:///files/${MOVED}/metadata/v9.metadata.json`,
      version: 9,
      snapshots: 6,
      unchanged: false,
    })
    expect((await checkTable(fs, MOVED)).violations).toEqual([])
    const metadata = await expectHistory(fs, MOVED)
    expect(metadata).toMatchObject({
      'table-uuid': before.published?.metadata['table-uuid'],
      refs: before.published?.metadata.refs,
      'snapshot-log': before.published?.metadata['snapshot-log'],
      'metadata-log': [],
    })
    expect(await rebaseTable({ fs, env, directory: MOVED })).toMatchObject({ version: 9, unchanged: true })
  })

  test('is exported to with its history kept', async () => {
    await rebaseTable({ fs: disk, env, directory: 'out/orders', location: 's3://bucket/orders' })
    await rebaseTable({ fs: disk, env, directory: 'out/orders' })
    await expectHistory(disk, 'out/orders')
    await table.flush(orders(5, 9, 'more'), [{ id: 40 }])
    const { snapshotId, version } = await exportIceberg(
      optionsTo(disk, 'hardlink', table, { env, snapshotsKept: 6 }),
    )
    shown.set(snapshotId, sortedLines(textRows(table.schema, table.rows)))
    expect(version).toBe(11)
    const metadata = await expectHistory(disk, 'out/orders')
    expect(metadata.snapshots).toHaveLength(6)
    expect((await checkTable(disk, 'out/orders')).violations).toEqual([])
  })

  test('is one table or the other when a crash comes, and a second rebase ends it', async () => {
    const image = moved('out/orders', MOVED).snapshotFiles()
    const random = new Random('rebase')
    let isCrashed = true
    for (let call = 1; isCrashed; call++) {
      const memory = MemoryFs.from(image)
      const faulty = new FaultyFs(memory)
      faulty.crashAt(call)
      const options = { fs: faulty.fs, env: new TestEnvironment({ seed: call }), directory: MOVED }
      const outcome = await rebaseTable(options).catch((error: unknown) => error)
      isCrashed = isCrash(outcome)
      if (!isCrashed && outcome instanceof Error) throw outcome
      const found = memory.crashImage('any', random.below)
      await rebaseTable({ fs: found, env, directory: MOVED })
      expect((await checkTable(found, MOVED)).violations.filter(({ rule }) => rule !== 'hint')).toEqual([])
      expect(call).toBeLessThan(400)
    }
  })
})

test('data files that are elsewhere may have moved too', async () => {
  await history('reference')
  const fs = moved('db', 'engine')
  const data = { from: 'memory:///files/db/tables/orders', to: 'memory:///files/engine/tables/orders' }
  expect(await rebaseTable({ fs, env, directory: 'out/orders', data })).toMatchObject({ unchanged: false })
  await expectHistory(fs, 'out/orders')
})

test('a directory without a table is refused', async () => {
  const fs = new MemoryFs()
  await expect(rebaseTable({ fs, env: new TestEnvironment(), directory: '' })).rejects.toMatchObject({
    code: 'INVALID',
    message: expect.stringContaining('holds no Iceberg table'),
  })
})
