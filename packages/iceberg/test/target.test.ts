import { MemoryFs } from '@meru/fs'
import { InterceptedFs, Random, TestEnvironment, type Call } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import type { DataMode } from '../src/destination.ts'
import { createExportCache, exportIceberg, referencedFiles } from '../src/index.ts'
import { readSnapshot } from './reference-reader.ts'
import { orders, replaceFile } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'
import { dataNames, exportTo, leftOver, makeSample, metadataOf, optionsTo, pairOn } from './sample-target.ts'
import { sortedLines, textRows } from '@meru/testkit/interop'

const MODES: readonly DataMode[] = ['hardlink', 'copy', 'reference']

let disk: MemoryFs
let env: TestEnvironment
let table: SampleTable

beforeEach(async () => {
  disk = new MemoryFs()
  env = new TestEnvironment()
  table = await makeSample(disk, env)
})

/** Writes to data files, links to them included, that the calls make. */
function watched(mode: DataMode): { options: ReturnType<typeof optionsTo>; data: string[]; calls: Call[] } {
  const data: string[] = []
  const calls: Call[] = []
  const fs = new InterceptedFs(disk, {
    around: (call: Call, run) => {
      calls.push(call)
      if (call.operation === 'create' && call.path.includes('/data/')) data.push(call.path)
      if (call.operation === 'link' && call.to?.includes('/data/') === true) data.push(call.to)
      return run()
    },
    aroundSync: (_call, run) => run(),
  })
  return { options: optionsTo(fs, mode, table, { env }), data, calls }
}

describe.each(MODES)('an export by %s', (mode) => {
  test('is a table of its own, in its own place', async () => {
    await table.flush(orders(0, 100))
    const cache = createExportCache()
    const first = await exportTo(disk, mode, table, { env, cache })
    expect(first).toMatchObject({
      metadataFile: 'memory:///files/out/orders/metadata/v1.metadata.json',
      dataFiles: 1,
      liveRows: 100,
    })
    expect(await disk.list('db/tables/orders/metadata')).toEqual([])
    await table.flush(orders(50, 60, 'again'), [{ id: 3 }])
    await exportTo(disk, mode, table, { env, cache })
    expect(await exportTo(disk, mode, table, { env, cache })).toMatchObject({ version: 2, unchanged: true })
    const metadata = await metadataOf(disk)
    expect(metadata).toMatchObject({ location: 'memory:///files/out/orders' })
    expect(await dataNames(disk)).toHaveLength(mode === 'reference' ? 0 : 2)
  })

  test('brings each data file once, whether or not the last export is remembered', async () => {
    await table.flush(orders(0, 50))
    await exportTo(disk, mode, table, { env })
    await table.flush(orders(50, 60))
    const { options, data } = watched(mode)
    await exportIceberg(options)
    expect(data).toHaveLength(mode === 'reference' ? 0 : 1)
    for (const path of data) expect(path).toContain(`out/orders/data/${table.files[0].id}.parquet`)
    await table.flush([], [{ id: 7 }])
    const second = watched(mode)
    await exportIceberg(second.options)
    expect(second.data).toEqual([])
  })

  test('keeps every snapshot readable while the engine collects its garbage', async () => {
    const cache = createExportCache()
    const shown = new Map<number, string[]>()
    const random = new Random(`garbage ${mode}`)
    for (let step = 0; step < 25; step++) {
      const from = random.below(40)
      await table.flush(orders(from, from + random.below(15), `s${step}`), [{ id: random.below(50) }])
      if (random.oneIn(3)) await table.compact(table.files.map((file) => file.id))
      if (!random.oneIn(2)) continue
      const options = optionsTo(disk, mode, table, { env, cache, snapshotsKept: random.between(2, 4) })
      const { snapshotId } = await exportIceberg(options)
      shown.set(snapshotId, sortedLines(textRows(table.schema, table.rows)))
      const held = mode === 'reference' ? await referencedFiles({ ...options, cache }) : new Set<string>()
      await table.collectGarbage(held)
      const metadata = (await metadataOf(disk)) ?? { snapshots: [] }
      for (const snapshot of metadata.snapshots) {
        const id = Number(snapshot['snapshot-id'])
        const rows = await readSnapshot(disk, metadata as never, id)
        expect(
          sortedLines(
            textRows(
              table.schema,
              rows.map(({ row }) => row),
            ),
          ),
        ).toEqual(shown.get(id))
      }
      expect(await leftOver(disk, mode)).toEqual([])
    }
    expect(shown.size).toBeGreaterThan(6)
  })

  test('whose table was made anew shares nothing with the one before', async () => {
    await table.flush(orders(0, 10))
    await exportTo(disk, mode, table, { env })
    await table.compact(table.files.map((file) => file.id))
    const before = await metadataOf(disk)
    const state = { ...table.state, id: 2 }
    await exportIceberg({ ...optionsTo(disk, mode, table, { env }), table: state })
    const after = await metadataOf(disk)
    expect(after?.['table-uuid']).not.toBe(before?.['table-uuid'])
    expect(await leftOver(disk, mode)).toEqual([])
    expect(await dataNames(disk)).toHaveLength(mode === 'reference' ? 0 : 1)
  })

  test('removes what lost attempts left, once it has published', async () => {
    await table.flush(orders(0, 10))
    await exportTo(disk, mode, table, { env })
    const { target } = pairOn(disk)
    const uuid = env.uuid()
    await target.makeDirectory('data')
    const rubbish = [`metadata/${uuid}-m0.avro`, `metadata/v9.metadata.json.${uuid}.tmp`]
    if (mode !== 'reference') rubbish.push(`data/${uuid}.parquet`, `data/${uuid}.parquet.${uuid}.tmp`)
    const foreign = ['metadata/notes.txt', 'data/theirs.parquet']
    for (const path of [...rubbish, ...foreign]) await replaceFile(target, path, new Uint8Array(3))
    await exportTo(disk, mode, table, { env })
    for (const path of rubbish) expect(await target.size(path), 'nothing published yet').toBe(3)
    await table.flush(orders(10, 20))
    await exportTo(disk, mode, table, { env })
    for (const path of rubbish) expect(await target.size(path)).toBeUndefined()
    for (const path of foreign) expect(await target.size(path)).toBe(3)
  })
})

test('hard links that cannot be are refused with a way out', async () => {
  await table.flush(orders(0, 10))
  const options = optionsTo(disk, 'hardlink', table, { env })
  const target = { fs: new MemoryFs(), mode: 'hardlink' } as const
  await expect(exportIceberg({ ...options, target })).rejects.toMatchObject({
    code: 'INVALID',
    message: expect.stringContaining("mode 'copy'"),
  })
})

test('a copy is checked against the hash of the SST', async () => {
  await table.flush(orders(0, 100))
  const path = `db/tables/orders/data/${table.files[0].id}.parquet`
  const bytes = (await disk.readFile(path)) ?? new Uint8Array()
  bytes[100] ^= 1
  await replaceFile(disk, path, bytes)
  await expect(exportIceberg(optionsTo(disk, 'copy', table, { env }))).rejects.toMatchObject({
    code: 'CORRUPT',
    message: expect.stringContaining('SHA-256'),
  })
  expect(await dataNames(disk)).toEqual([])
})

test('a file of another length under the name of an SST is damage', async () => {
  await table.flush(orders(0, 100))
  const { target } = pairOn(disk)
  await target.makeDirectory('data')
  await replaceFile(target, `data/${table.files[0].id}.parquet`, new Uint8Array(3))
  await expect(exportIceberg(optionsTo(disk, 'copy', table, { env }))).rejects.toMatchObject({
    code: 'CORRUPT',
  })
})

test('copied bytes are told', async () => {
  await table.flush(orders(0, 100))
  let copied = 0
  await exportTo(disk, 'copy', table, { env, onBytes: (bytes) => (copied += bytes) })
  expect(copied).toBe(table.files[0].bytes)
})

test('a target within the database, or of an unknown mode, is refused', async () => {
  const options = optionsTo(disk, 'copy', table, { env })
  const within = { ...options, target: { fs: pairOn(disk).engine, mode: 'copy' } } as const
  await expect(exportIceberg(within)).rejects.toMatchObject({ code: 'INVALID' })
  const unknown = { ...options, target: { fs: pairOn(disk).target, mode: 'move' as never } }
  await expect(exportIceberg(unknown)).rejects.toThrow(TypeError)
})
