import { MemoryFs, type Environment } from '@meru/fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createExportCache,
  exportIceberg,
  registerTable,
  type ExportOptions,
  type IcebergExport,
} from '../src/index.ts'
import { TableFiles } from '../src/published-table.ts'
import { currentSnapshot, parseTableMetadata, type TableMetadata } from '../src/table-metadata.ts'
import { formatJson, parseJson } from '../src/json.ts'
import { readSnapshot } from './reference-reader.ts'
import { RestTestServer, type RestFault } from './rest-server.ts'
import { orders } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'
import { impatient, makeSample, optionsTo, pairOn } from './sample-target.ts'
import { sortedLines, textRows } from '@meru/testkit/interop'

let server: RestTestServer
let disk: MemoryFs
let env: Environment
let table: SampleTable

beforeEach(async () => {
  server = await RestTestServer.start()
  disk = new MemoryFs()
  env = impatient()
  table = await makeSample(disk, env)
})
afterEach(() => server.close())

function exportTo(more: Partial<ExportOptions> = {}): Promise<IcebergExport> {
  return exportIceberg({ ...optionsTo(disk, 'hardlink', table, { env }), catalog: server.options(), ...more })
}

function metadataOf(name = 'orders'): TableMetadata {
  return parseTableMetadata(formatJson(server.metadata(name)), name)
}

/** Expects that every snapshot the catalog has is whole, and the current one shows the rows of the table. */
async function expectSound(): Promise<void> {
  const metadata = metadataOf()
  const files = new TableFiles({ fs: pairOn(disk).target, directory: '' }, metadata.location)
  for (const snapshot of metadata.snapshots) await files.loadManifests(snapshot)
  const id = Number(currentSnapshot(metadata)?.['snapshot-id'])
  const rows = await readSnapshot(disk, metadata, id)
  const expected = sortedLines(textRows(table.schema, table.rows))
  expect(
    sortedLines(
      textRows(
        table.schema,
        rows.map(({ row }) => row),
      ),
    ),
  ).toEqual(expected)
}

describe('a catalog', () => {
  test('has the table that was created, and each version after', async () => {
    await table.flush(orders(0, 20))
    const first = await exportTo()
    expect(first).toMatchObject({
      version: 0,
      unchanged: false,
      liveRows: 20,
      metadataFile: 'memory:///files/out/orders/metadata/00000-x.metadata.json',
    })
    expect(metadataOf()['table-uuid']).toBe('staged-uuid')
    await expectSound()
    expect(await exportTo()).toMatchObject({ unchanged: true, version: 0 })
    await table.flush(orders(10, 30), [{ id: 2 }])
    expect(await exportTo()).toMatchObject({ version: 1, dataFiles: 2, deleteFiles: 1 })
    await expectSound()
    expect(metadataOf().snapshots).toHaveLength(2)
  })

  test('may be one of several warehouses, with its own prefix and headers, and a token that is renewed', async () => {
    await table.flush(orders(0, 20))
    let asked = 0
    const token = (): string => (asked++ === 0 ? 'old' : 'secret')
    await exportTo({ catalog: server.options({ token, table: 'renamed' }) })
    expect(asked).toBe(2)
    expect([...server.tables.keys()]).toEqual(['renamed'])
    const wrong = exportTo({ catalog: server.options({ token: 'wrong' }) })
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('401') })
  })

  test('gets changes of the schema, upgrades, expiry and tags', async () => {
    await table.flush(orders(0, 20))
    const { snapshotId } = await exportTo({ tags: { first: 'current' } })
    const added = { id: 20, name: 'note', type: { kind: 'string' }, required: false } as const
    table.evolve((schema) => ({ ...schema, columns: [...schema.columns, added], lastColumnId: 20 }))
    await table.flush(orders(20, 30))
    await exportTo({ snapshotsKept: 2 })
    await exportTo({ snapshotsKept: 2, formatVersion: 3 })
    for (let i = 0; i < 3; i++) {
      await table.flush(orders(i, i + 4, `again ${i}`), [{ id: 10 + i }])
      await exportTo({ snapshotsKept: 2 })
    }
    const metadata = metadataOf()
    expect(metadata).toMatchObject({ 'format-version': 3, 'current-schema-id': 1, 'last-column-id': 20 })
    expect(metadata.snapshots).toHaveLength(3)
    expect(metadata.refs['first']).toEqual({ 'snapshot-id': snapshotId, type: 'tag' })
    expect(await readSnapshot(disk, metadata, snapshotId)).toHaveLength(20)
    await expectSound()
    await exportTo({ snapshotsKept: 2, tags: { first: null } })
    expect(Object.keys(metadataOf().refs)).toEqual(['main'])
    expect(metadataOf().snapshots).toHaveLength(2)
    await expectSound()
  })

  test('is not there, or lacks the namespace: the error says so', async () => {
    await table.flush(orders(0, 20))
    const lacking = exportTo({ catalog: server.options({ namespace: ['shop', 'inner'] }) })
    await expect(lacking).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('no namespace'),
    })
    const { uri } = server.options()
    const options = { ...optionsTo(disk, 'hardlink', table, { env }), catalog: { uri, namespace: 'shop' } }
    await server.close()
    await expect(exportIceberg(options)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining(`no answer of the catalog at ${uri}`),
    })
    server = await RestTestServer.start()
  })

  test('that wants the table elsewhere is refused', async () => {
    await table.flush(orders(0, 20))
    server.forcedLocation = 's3://theirs/orders'
    await expect(exportTo()).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('wants the table orders at s3://theirs/orders'),
    })
  })

  test('and a directory do not both keep one table', async () => {
    await table.flush(orders(0, 20))
    await exportTo({ catalog: undefined })
    await expect(exportTo()).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('in no catalog'),
    })
  })

  test('needs a directory apart', async () => {
    await expect(exportTo({ target: undefined })).rejects.toThrow(TypeError)
    await expect(exportTo({ catalog: server.options({ namespace: [] }) })).rejects.toThrow(TypeError)
  })
})

describe('other writers', () => {
  test('a commit that another exporter made first is built upon', async () => {
    await table.flush(orders(0, 20))
    await exportTo()
    await table.flush(orders(20, 30))
    const theirs = optionsTo(disk, 'hardlink', table, { env })
    await table.flush(orders(30, 40))
    let meanwhile: Promise<IcebergExport> | undefined
    server.fault = ({ method, path }) => {
      if (method !== 'POST' || !path.endsWith('/tables/orders') || meanwhile !== undefined) return undefined
      meanwhile = exportIceberg({ ...theirs, catalog: server.options() })
      return { effect: false, answer: 409 }
    }
    const done = await exportTo()
    await meanwhile?.catch(() => undefined)
    expect(done.liveRows).toBe(40)
    await expectSound()
  })

  test('a commit of another tool stops the export, loudly', async () => {
    await table.flush(orders(0, 20))
    await exportTo()
    const stored = server.tables.get('orders')
    if (stored === undefined) throw new Error('no table')
    const text = formatJson(stored.metadata).replaceAll('meru.seqno', 'spark.app.id')
    stored.metadata = parseJson(text) as typeof stored.metadata
    await table.flush(orders(20, 30))
    await expect(exportTo()).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('committed by another tool'),
    })
    expect(metadataOf().snapshots).toHaveLength(1)
  })

  test('a commit of another tool between load and commit stops the export too', async () => {
    await table.flush(orders(0, 20))
    await exportTo()
    await table.flush(orders(20, 30))
    server.beforeCommit = () => {
      server.beforeCommit = () => undefined
      const stored = server.tables.get('orders')
      if (stored === undefined) throw new Error('no table')
      const metadata = stored.metadata as { refs: object; snapshots: object[] }
      const foreign = { ...metadata.snapshots[0], 'snapshot-id': 77, summary: { operation: 'append' } }
      metadata.snapshots.push(foreign)
      Object.assign(metadata, {
        refs: { main: { 'snapshot-id': 77, type: 'branch' } },
        'current-snapshot-id': 77,
      })
    }
    await expect(exportTo()).rejects.toMatchObject({ code: 'INVALID' })
    expect(Number(metadataOf()['current-snapshot-id'])).toBe(77)
  })

  test('a table made anew under the name is refused while the catalog has the one before', async () => {
    await table.flush(orders(0, 20))
    await exportTo()
    await expect(exportTo({ table: { ...table.state, id: 2 } })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('drop it there'),
    })
  })
})

describe('a table that has a metadata file', () => {
  const register = (table: string, metadataFile: string): Promise<void> =>
    registerTable({ env, catalog: { ...server.options(), table }, metadataFile })

  test('is registered, once, and another of its name is refused', async () => {
    await table.flush(orders(0, 20))
    const { metadataFile } = await exportTo({ catalog: undefined })
    await register('shown', metadataFile)
    await register('shown', metadataFile)
    expect(server.tables.get('shown')?.location).toBe(metadataFile)
    await expect(register('shown', 'memory:///x/metadata/v1.metadata.json')).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('409'),
    })
  })

  test('is registered though answers are lost', async () => {
    for (const effect of [true, false]) {
      let isFirst = true
      server.fault = ({ method }) => {
        if (method !== 'POST' || !isFirst) return undefined
        isFirst = false
        return { effect, answer: 'lose' }
      }
      await register(`shown ${effect}`, 'memory:///x/metadata/v1.metadata.json')
    }
    expect([...server.tables.keys()]).toEqual(['shown true', 'shown false'])
  })
})

const FAULTS: readonly RestFault[] = [
  { effect: false, answer: 'lose' },
  { effect: true, answer: 'lose' },
  { effect: false, answer: 503 },
  { effect: true, answer: 503 },
  { effect: true, answer: 500 },
  { effect: false, answer: 429 },
]

describe.each(FAULTS)('with effect $effect and answer $answer', (fault) => {
  test('one request that goes wrong is made up for, whichever it is, at creation and later', async () => {
    const image = async (): Promise<void> => {
      server.tables.clear()
      disk = new MemoryFs()
      table = await makeSample(disk, env)
      await table.flush(orders(0, 20))
    }
    for (let at = 1; ; at++) {
      await image()
      const start = server.requests
      let isReached = false
      server.fault = ({ number }) => {
        if (number !== start + at) return undefined
        isReached = true
        return fault
      }
      const cache = createExportCache()
      await exportTo({ cache })
      await expectSound()
      await table.flush(orders(10, 30), [{ id: 2 }])
      expect(await exportTo({ cache })).toMatchObject({ liveRows: table.rows.length })
      await expectSound()
      expect(metadataOf().snapshots).toHaveLength(2)
      server.fault = () => undefined
      if (!isReached) break
      expect(at).toBeLessThan(50)
    }
  })

  test('answers that stay away leave a table that the next export goes on with', async () => {
    await table.flush(orders(0, 20))
    await exportTo()
    await table.flush(orders(20, 30))
    server.fault = ({ method }) => (method === 'POST' ? fault : undefined)
    const outcome = await exportTo().catch((error: unknown) => error)
    const code = outcome instanceof Error ? (outcome as { code?: string }).code : 'done'
    expect(['IO', 'done']).toContain(code)
    await expectSoundWhicheverVersion()
    server.fault = () => undefined
    await exportTo()
    await expectSound()
    expect(metadataOf().snapshots).toHaveLength(2)
  })
})

/** Whether or not the last commit took effect: what is there is whole. */
async function expectSoundWhicheverVersion(): Promise<void> {
  const metadata = metadataOf()
  const files = new TableFiles({ fs: pairOn(disk).target, directory: '' }, metadata.location)
  for (const snapshot of metadata.snapshots) await files.loadManifests(snapshot)
}
