import { MemoryFs } from '@meru/fs'
import { S3Fs } from '@meru/fs/s3'
import { S3TestServer, type S3Fault } from '@meru/fs/s3-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkTable, createExportCache, exportIceberg, type ExportOptions } from '../src/index.ts'
import { readMetadataDirectory } from '../src/published-table.ts'
import { ownFiles, strays } from '../src/retention.ts'
import { currentSnapshot } from '../src/table-metadata.ts'
import { optionsFor, orders } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'
import { impatient, makeSample } from './sample-target.ts'

const env = impatient()
const KEPT = { snapshotsKept: 2 }

let server: S3TestServer
let table: SampleTable

beforeEach(async () => {
  server = await S3TestServer.start()
  table = await makeSample(new MemoryFs(), env)
})
afterEach(() => server.close())

const bucket = (): Promise<S3Fs> => S3Fs.open(server.options('lake/orders'), { env })

async function optionsTo(fs: S3Fs, more: Partial<ExportOptions> = {}): Promise<ExportOptions> {
  return Promise.resolve({ ...optionsFor(table, env, { ...KEPT, ...more }), target: { fs, mode: 'copy' } })
}

/** Live rows of the version that the hint names; every rule must hold but that the hint is the newest. */
async function readBucket(fs: S3Fs): Promise<number | undefined> {
  const hint = await fs.readFile('metadata/version-hint.text')
  if (hint === undefined) return undefined
  const { violations } = await checkTable(fs, '')
  expect(violations.filter(({ rule }) => rule !== 'hint')).toEqual([])
  const bytes = await fs.readFile(`metadata/v${new TextDecoder().decode(hint)}.metadata.json`)
  const metadata = JSON.parse(new TextDecoder().decode(bytes)) as Parameters<typeof currentSnapshot>[0]
  return Number(currentSnapshot(metadata)?.summary['meru.live-records'])
}

async function leftOver(fs: S3Fs): Promise<string[]> {
  const place = { fs, directory: '' }
  const { published } = await readMetadataDirectory(place)
  if (published === undefined) return await strays(place, { withData: true })
  const named = await ownFiles(place, published.metadata, { withData: true })
  return (await strays(place, { withData: true })).filter((path) => !named.has(path))
}

test('an export to a bucket is a table there, and costs what changed', async () => {
  await table.flush(orders(0, 100))
  const fs = await bucket()
  const cache = createExportCache()
  const { metadataFile } = await exportIceberg(await optionsTo(fs, { cache }))
  expect(metadataFile).toBe('s3://bucket/lake/orders/metadata/v1.metadata.json')
  expect((await fs.list('metadata')).some((name) => name.endsWith('.tmp'))).toBe(false)
  await table.flush([], [{ id: 3 }])
  const put: string[] = []
  server.fault = ({ method, key }) => void (method === 'PUT' && put.push(key.replace(/^lake\/orders\//, '')))
  await exportIceberg(await optionsTo(fs, { cache }))
  expect(put.map((key) => key.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '…'))).toEqual([
    'metadata/delete-….parquet',
    'metadata/…-m0.avro',
    expect.stringMatching(/^metadata\/snap-/),
    'metadata/v2.metadata.json',
    'metadata/version-hint.text',
  ])
  expect(await readBucket(fs)).toBe(99)
})

describe('a process that dies', () => {
  const before: S3Fault = { effect: false, answer: 'lose' }
  const after: S3Fault = { effect: true, answer: 'lose' }
  // Every third request in each test, so that none takes long.
  const cases = [1, 2, 3].flatMap((from) => [
    { from, earlier: 0, when: 'before', fault: before },
    { from, earlier: 3, when: 'after', fault: after },
  ])
  test.each(cases)(
    '$when request $from, and every third from there, after $earlier exports leaves a readable table',
    async ({ from, earlier, fault }) => {
      await table.flush(orders(0, 40))
      let shown: number | undefined
      const first = await bucket()
      for (let i = 0; i < earlier; i++) {
        await table.flush(orders(20 + i, 30 + i, `export ${i}`), [{ id: i }])
        shown = (await exportIceberg(await optionsTo(first))).liveRows
      }
      await table.flush(orders(50, 55), [{ id: 11 }, { id: 12 }])
      const image = new Map(server.objects)
      let isDead = true
      for (let call = from; isDead; call += 3) {
        server.objects.clear()
        for (const [key, object] of image) server.objects.set(key, object)
        const dying = await bucket()
        const start = server.requests
        // The last request takes effect or not; whatever the process would send after it never arrives.
        server.fault = ({ number }) =>
          number < start + call
            ? undefined
            : number === start + call
              ? fault
              : { effect: false, answer: 'lose' }
        const outcome = await exportIceberg(await optionsTo(dying)).catch((error: unknown) => error)
        isDead = outcome instanceof Error
        server.fault = () => undefined
        const found = await bucket()
        const all = table.rows.length
        expect(isDead ? [shown, all] : [all]).toContain(await readBucket(found))
        const cache = createExportCache()
        await exportIceberg(await optionsTo(found, { cache }))
        expect(await readBucket(found)).toBe(all)
        await exportIceberg(await optionsTo(found, { cache, formatVersion: 3 }))
        expect(await leftOver(found)).toEqual([])
        expect(call).toBeLessThan(200)
      }
    },
  )
})

test.each<S3Fault>([
  { effect: true, answer: 'lose' },
  { effect: true, answer: 500 },
  { effect: false, answer: 503 },
  { effect: true, answer: 'cut' },
])('any one answer that goes wrong (effect $effect, answer $answer) is made up for', async (fault) => {
  await table.flush(orders(0, 40))
  for (let at = 1; ; at++) {
    server.objects.clear()
    const fs = await bucket()
    const start = server.requests
    let isReached = false
    server.fault = ({ number }) => {
      if (number !== start + at) return undefined
      isReached = true
      return fault
    }
    expect(await exportIceberg(await optionsTo(fs))).toMatchObject({ version: 1, unchanged: false })
    server.fault = () => undefined
    expect(await readBucket(fs)).toBe(40)
    expect(await leftOver(fs)).toEqual([])
    if (!isReached) break
    expect(at).toBeLessThan(100)
  }
})

test('of exporters at once each version has one, and all see the table in the end', async () => {
  for (let round = 0; round < 5; round++) {
    await table.flush(orders(round * 5, round * 5 + 10, `round ${round}`))
    const options = await Promise.all([1, 2, 3].map(async () => await optionsTo(await bucket())))
    const results = await Promise.all(options.map((each) => exportIceberg(each)))
    const published = results.filter(({ unchanged }) => !unchanged)
    expect(new Set(published.map(({ version }) => version)).size).toBe(published.length)
    for (const { liveRows } of results) expect(liveRows).toBe(table.rows.length)
    expect(await readBucket(await bucket())).toBe(table.rows.length)
  }
})
