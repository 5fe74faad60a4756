import { FIRST_COLUMN_ID } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { FaultyFs, InterceptedFs, Random, TestEnvironment, TracedFs, type Call } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { createExportCache, exportIceberg } from '../src/index.ts'
import {
  editJson,
  exportChecked,
  expectSound,
  optionsFor,
  ORDERS,
  orders,
  readPublished,
  replaceFile,
} from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

const METADATA = 'tables/orders/metadata'

let fs: MemoryFs
let env: TestEnvironment
let table: SampleTable

beforeEach(async () => {
  fs = new MemoryFs()
  env = new TestEnvironment()
  table = await SampleTable.create(fs, env, ORDERS)
})

describe('what readers see', () => {
  test('the first export shows the SSTs where they lie', async () => {
    await table.flush(orders(0, 100))
    const result = await exportChecked(table, env)
    expect(result).toMatchObject({
      version: 1,
      sequenceNumber: 1,
      dataFiles: 1,
      deleteFiles: 0,
      liveRows: 100,
      unchanged: false,
    })
    const { entries, snapshot } = await readPublished(table, 1)
    expect(entries.map((entry) => entry.data_file.file_path)).toEqual([
      `memory:///files/tables/orders/data/${table.files[0].id}.parquet`,
    ])
    expect(snapshot.summary).toMatchObject({
      operation: 'append',
      'meru.seqno': '100',
      'meru.live-records': '100',
    })
  })

  test('an empty table has a snapshot without files', async () => {
    const result = await exportChecked(table, env)
    expect(result).toMatchObject({ version: 1, dataFiles: 0, liveRows: 0, unchanged: false })
    expect((await readPublished(table, 1)).rows).toEqual([])
    expect(await exportChecked(table, env)).toMatchObject({ version: 1, unchanged: true })
  })

  test('dead rows get a delete file that is about one data file', async () => {
    await table.flush(orders(0, 100))
    await exportChecked(table, env)
    await table.flush([], [{ id: 3 }, { id: 7 }])
    expect(await exportChecked(table, env)).toMatchObject({ dataFiles: 1, deleteFiles: 1, liveRows: 98 })
    const deletes = (await readPublished(table, 2)).entries.filter((entry) => entry.data_file.content === 1)
    expect(deletes).toHaveLength(1)
    expect(deletes[0].data_file).toMatchObject({
      record_count: 2,
      sort_order_id: null,
      referenced_data_file: `memory:///files/tables/orders/data/${table.files[0].id}.parquet`,
    })
  })

  test('a file without live rows is not shown', async () => {
    await table.flush(orders(0, 10))
    await table.flush(orders(10, 20))
    await exportChecked(table, env)
    await table.flush([], orders(0, 10))
    expect(await exportChecked(table, env)).toMatchObject({ dataFiles: 1, deleteFiles: 0, liveRows: 10 })
  })

  test('a file that a version names though all its rows are dead is not shown', async () => {
    await table.flush(orders(0, 10))
    await table.flush(orders(10, 20))
    const state = {
      ...table.state,
      files: table.files.map((file, i) =>
        i === 0 ? { ...file, dead: { file: env.uuid(), offset: 4, length: 40, cardinality: 10 } } : file,
      ),
    }
    expect(await exportIceberg(optionsFor(table, env, { table: state }))).toMatchObject({
      dataFiles: 1,
      liveRows: 10,
    })
    await expectSound(fs, table.directory)
  })

  test('statistics leave out hidden columns and columns that were dropped', async () => {
    await table.flush(orders(0, 10))
    const dropped = FIRST_COLUMN_ID + 2
    table.evolve((schema) => ({
      ...schema,
      columns: schema.columns.filter((column) => column.id !== dropped),
    }))
    await exportChecked(table, env)
    const { data_file: file } = (await readPublished(table, 1)).entries[0]
    for (const map of [file.column_sizes, file.value_counts, file.null_value_counts, file.lower_bounds]) {
      expect(map?.map(({ key }) => key)).toEqual([FIRST_COLUMN_ID, FIRST_COLUMN_ID + 1])
    }
  })
})

describe('operations', () => {
  const cases: [name: string, change: () => Promise<void>, operation: string][] = [
    ['new keys only', () => table.flush(orders(100, 200)), 'append'],
    ['new and old keys', () => table.flush(orders(50, 150, 'again')), 'overwrite'],
    ['deletes only', () => table.flush([], orders(0, 5)), 'delete'],
    ['a file whose rows all go', () => table.flush([], orders(0, 50)), 'delete'],
    ['a compaction', () => table.compact(table.files.map((file) => file.id)), 'replace'],
  ]
  test.each(cases)('%s', async (_name, change, operation) => {
    await table.flush(orders(0, 50))
    await table.flush(orders(50, 100))
    await exportChecked(table, env)
    await change()
    await exportChecked(table, env)
    expect((await readPublished(table, 2)).snapshot.summary['operation']).toBe(operation)
  })

  test('a flush and a compaction between two exports are an overwrite', async () => {
    await table.flush(orders(0, 50))
    await exportChecked(table, env)
    await table.flush(orders(50, 60))
    await table.compact(table.files.map((file) => file.id))
    await exportChecked(table, env)
    expect((await readPublished(table, 2)).snapshot.summary['operation']).toBe('overwrite')
  })
})

describe('what is written', () => {
  test('an unchanged version writes nothing', async () => {
    await table.flush(orders(0, 100), [])
    const first = await exportChecked(table, env)
    const traced = new TracedFs(fs)
    const second = await exportIceberg(optionsFor(table, env, { fs: traced.fs }))
    expect(second).toEqual({ ...first, unchanged: true })
    expect(traced.text).toBe('')
  })

  test('untouched manifests and delete files are carried on as they are', async () => {
    for (let i = 0; i < 4; i++) {
      await table.flush(orders(i * 100, i * 100 + 100))
      await exportChecked(table, env)
    }
    await table.flush([], [{ id: 5 }])
    await exportChecked(table, env)
    const before = await readPublished(table, 5)
    await table.flush([], [{ id: 105 }])
    await exportChecked(table, env)
    const after = await readPublished(table, 6)
    expect(
      after.rows.filter((row) => before.rows.some((old) => old.manifest_path === row.manifest_path)),
    ).toHaveLength(5)
    expect(after.rows).toHaveLength(6)
    expect(after.snapshot.summary).toMatchObject({
      'manifests-created': '1',
      'manifests-kept': '5',
      'added-delete-files': '1',
    })
  })

  test('more dead rows replace the delete file of their data file', async () => {
    await table.flush(orders(0, 100))
    await table.flush([], [{ id: 5 }])
    await exportChecked(table, env)
    await table.flush([], [{ id: 6 }])
    await exportChecked(table, env)
    const { entries, snapshot } = await readPublished(table, 2)
    const deletes = entries.filter((entry) => entry.data_file.content === 1)
    expect(deletes.map((entry) => [entry.status, entry.data_file.record_count])).toEqual([
      [1, 2],
      [2, 1],
    ])
    expect(snapshot.summary).toMatchObject({ 'added-position-deletes': '2', 'removed-position-deletes': '1' })
  })

  test('many appends leave few manifests', async () => {
    for (let i = 0; i < 70; i++) {
      await table.flush(orders(i, i + 1))
      await exportIceberg(optionsFor(table, env))
    }
    await expectSound(fs, table.directory)
    expect((await readPublished(table, 70)).rows.length).toBeLessThan(16)
  })

  test('calls and syncs are in an order that survives a crash', async () => {
    const traced = new TracedFs(fs)
    await table.flush(orders(0, 20))
    traced.note('first export')
    await exportIceberg(optionsFor(table, env, { fs: traced.fs, snapshotsKept: 2 }))
    for (const id of [3, 4, 5]) {
      await table.flush([], [{ id }])
      traced.note(`export after the delete of row ${id}`)
      await exportIceberg(optionsFor(table, env, { fs: traced.fs, snapshotsKept: 2 }))
    }
    const trace = traced.text.replaceAll(/snap-\d+/g, 'snap-<id>').replaceAll(/ \d+\+\d+/g, '')
    await expect(trace).toMatchFileSnapshot('traces/export.txt')
  })

  test('with the cache, the next export reads no manifest', async () => {
    const cache = createExportCache()
    await table.flush(orders(0, 100))
    await exportChecked(table, env, { cache })
    await table.flush(orders(50, 60), [{ id: 1 }])
    const traced = new TracedFs(fs, { reads: true })
    await exportIceberg(optionsFor(table, env, { fs: traced.fs, cache }))
    expect(traced.text).not.toMatch(/readFile .*avro/)
    await expectSound(fs, table.directory)
    await table.flush(orders(200, 210))
    await exportIceberg(optionsFor(table, env))
    expect(await exportChecked(table, env, { cache })).toMatchObject({
      version: 3,
      unchanged: true,
      dataFiles: 3,
    })
  })
})

describe('the schema', () => {
  test('a change of schema alone is a version without a new snapshot', async () => {
    await table.flush(orders(0, 10))
    const first = await exportChecked(table, env)
    const added = { id: 20, name: 'note', type: { kind: 'string' }, required: false } as const
    table.evolve((schema) => ({ ...schema, columns: [...schema.columns, added], lastColumnId: 20 }))
    const second = await exportChecked(table, env)
    expect(second).toMatchObject({ version: 2, snapshotId: first.snapshotId, unchanged: false })
    const { metadata } = await readPublished(table, 2)
    expect(metadata).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 20 })
    expect(metadata.schemas).toHaveLength(2)
  })

  test('a type that the format version lacks is refused by name', async () => {
    const added = { id: 20, name: 'at', type: { kind: 'timestamp_ns' }, required: false } as const
    table.evolve((schema) => ({ ...schema, columns: [...schema.columns, added], lastColumnId: 20 }))
    const failure = exportIceberg(optionsFor(table, env))
    await expect(failure).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('column at'),
    })
  })

  test('properties of other tools stay', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    const setting = '"properties":{"read.split.target-size":"1",'
    await editJson(fs, `${METADATA}/v1.metadata.json`, (text) => text.replace('"properties":{', setting))
    await table.flush(orders(10, 20))
    await exportChecked(table, env)
    expect((await readPublished(table, 2)).metadata.properties).toMatchObject({
      'read.split.target-size': '1',
      'gc.enabled': 'false',
    })
  })
})

describe('other writers and other places', () => {
  /** Runs `meanwhile` when the export is about to take its version. */
  function interrupted(meanwhile: () => Promise<unknown>): InterceptedFs {
    let isFirst = true
    return new InterceptedFs(fs, {
      around: async (call: Call, run) => {
        if (call.operation === 'link' && isFirst) {
          isFirst = false
          await meanwhile()
        }
        return run()
      },
      aroundSync: (_call, run) => run(),
    })
  }

  test('a version that another writer took is built upon', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    await table.flush(orders(10, 20))
    const theirs = optionsFor(table, env)
    await table.flush(orders(20, 30), [{ id: 1 }])
    const ours = optionsFor(table, env, { fs: interrupted(() => exportIceberg(theirs)) })
    expect(await exportIceberg(ours)).toMatchObject({ version: 3, sequenceNumber: 3, liveRows: 29 })
    await expectSound(fs, table.directory)
    const [second, third] = [await readPublished(table, 2), await readPublished(table, 3)]
    expect(third.snapshot['parent-snapshot-id']).toBe(second.snapshot['snapshot-id'])
  })

  test('a version that another writer published in the same words is taken as done', async () => {
    await table.flush(orders(0, 10))
    const options = optionsFor(table, env)
    const racing = interrupted(() => exportIceberg(options))
    expect(await exportIceberg({ ...options, fs: racing })).toMatchObject({ version: 1, unchanged: true })
    const names = await fs.list(METADATA)
    expect(names.filter((name) => name.endsWith('.avro'))).toHaveLength(2)
    expect(names).toHaveLength(4)
  })

  test('a version older than the published one is refused', async () => {
    await table.flush(orders(0, 10))
    const old = optionsFor(table, env)
    await table.flush(orders(10, 20))
    await exportChecked(table, env)
    await expect(exportIceberg(old)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('seqno 20'),
    })
  })

  test('a commit of another tool is refused, not overwritten', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    await editJson(fs, `${METADATA}/v1.metadata.json`, (text) =>
      text.replaceAll('meru.seqno', 'spark.app.id'),
    )
    await expect(exportIceberg(optionsFor(table, env))).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('a table made anew under the name of a dropped one is another Iceberg table', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    const { metadata: before } = await readPublished(table, 1)
    const state = { ...table.state, id: 2 }
    await exportIceberg(optionsFor(table, env, { table: state }))
    await expectSound(fs, table.directory)
    const { metadata: after } = await readPublished(table, 2)
    expect(after['table-uuid']).not.toBe(before['table-uuid'])
    expect(after.snapshots).toHaveLength(1)
    expect(after['metadata-log']).toEqual([])
    expect((await fs.list(METADATA)).filter((name) => name.startsWith('snap-'))).toHaveLength(1)
  })

  test('a table that moved keeps its identity and starts its history anew', async () => {
    await table.flush(orders(0, 10))
    await table.flush([], [{ id: 1 }])
    await exportChecked(table, env)
    const { metadata: before } = await readPublished(table, 1)
    await exportChecked(table, env, { location: 's3://bucket/orders' })
    const after = await readPublished(table, 2)
    expect(after.metadata).toMatchObject({
      location: 's3://bucket/orders',
      'table-uuid': before['table-uuid'],
    })
    expect(after.metadata.snapshots).toHaveLength(1)
    expect(after.metadata['last-sequence-number']).toBe(2)
    for (const entry of after.entries) expect(entry.data_file.file_path).toMatch(/^s3:\/\/bucket\/orders\//)
  })

  test.each([
    'file:///a b/orders',
    'file:///a/../orders',
    'file:///orders/',
    'file:/orders',
    '/orders',
    'file:///é',
  ])('location %s is refused', async (location) => {
    await expect(exportIceberg(optionsFor(table, env, { location }))).rejects.toMatchObject({
      code: 'INVALID',
    })
  })
})

describe('failures', () => {
  test('the hint is repaired before anything else', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    await replaceFile(fs, `${METADATA}/version-hint.text`, new TextEncoder().encode('0\n'))
    expect(await exportChecked(table, env)).toMatchObject({ unchanged: true })
  })

  test('a newest metadata file that was cut short counts as never made', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    await replaceFile(fs, `${METADATA}/v2.metadata.json`, new TextEncoder().encode('{"format-ver'))
    await table.flush(orders(10, 20))
    expect(await exportIceberg(optionsFor(table, env))).toMatchObject({ version: 3 })
    await expectSound(fs, table.directory)
    expect(await fs.size(`${METADATA}/v2.metadata.json`)).toBeUndefined()
  })

  test.each(['v1.metadata.json', 'avro'])('a damaged %s is corruption, and named', async (suffix) => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    const names = (await fs.list(METADATA)).filter((name) => name.endsWith(suffix))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const whole = (await fs.readFile(`${METADATA}/${name}`)) ?? new Uint8Array()
      const damaged = whole.slice()
      damaged[suffix === 'avro' ? 700 : 0] ^= 4
      await replaceFile(fs, `${METADATA}/${name}`, damaged)
      const failure = exportIceberg(optionsFor(table, env))
      await expect(failure).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(name) })
      await replaceFile(fs, `${METADATA}/${name}`, whole)
    }
  })

  test('a whole manifest in the place of another is corruption', async () => {
    await table.flush(orders(0, 10))
    await exportChecked(table, env)
    await table.flush(orders(10, 20))
    await table.flush(orders(20, 30))
    await exportChecked(table, env)
    const { rows } = await readPublished(table, 2)
    const [first, second] = rows.map((row) => row.manifest_path.replace('memory:///files/', ''))
    await replaceFile(fs, first, (await fs.readFile(second)) ?? new Uint8Array())
    await table.flush(orders(30, 40))
    const failure = exportIceberg(optionsFor(table, env))
    await expect(failure).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('manifest list says'),
    })
  })

  test('dead positions that are not those of the version are a mistake of the caller', async () => {
    await table.flush(orders(0, 10))
    await table.flush([], [{ id: 1 }])
    await expect(exportIceberg(optionsFor(table, env, { dead: () => undefined }))).rejects.toThrow(TypeError)
    await expect(exportIceberg(optionsFor(table, env, { snapshotsKept: 1 }))).rejects.toThrow(TypeError)
    expect(await fs.list(METADATA)).toEqual([])
  })

  test('an aborted export leaves nothing behind', async () => {
    await table.flush(orders(0, 10))
    const controller = new AbortController()
    const aborting = new InterceptedFs(fs, {
      around: (call: Call, run) => {
        if (call.operation === 'create' && call.path.includes('snap-')) controller.abort()
        return run()
      },
      aroundSync: (_call, run) => run(),
    })
    const { signal } = controller
    await expect(exportIceberg(optionsFor(table, env, { fs: aborting, signal }))).rejects.toThrow(/aborted/)
    expect(await fs.list(METADATA)).toEqual([])
  })

  test('whichever call fails, the next export succeeds', async () => {
    await table.flush(orders(0, 30))
    await exportChecked(table, env)
    await table.flush(orders(10, 20), [{ id: 1 }])
    const random = new Random(1)
    for (let call = 1; ; call++) {
      const disk = MemoryFs.from(fs.snapshotFiles())
      const faulty = new FaultyFs(disk)
      faulty.failAt(call, 'EIO', random.pick(['none', 'half', 'whole']))
      const outcome = await exportIceberg(optionsFor(table, env, { fs: faulty.fs })).catch(
        (error: unknown) => error,
      )
      if (!(outcome instanceof Error)) break
      expect(outcome).toMatchObject({ code: 'IO' })
      await exportIceberg(optionsFor(table, env, { fs: disk }))
      await expectSound(disk, table.directory)
      expect(call).toBeLessThan(100)
    }
  })
})
