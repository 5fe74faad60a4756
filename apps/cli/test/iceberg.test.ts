import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { open, t, table } from '@meru/db'
import { afterEach, expect, test, vi } from 'vitest'
import { meru, meruOk } from './command-line.ts'
import { scratchDirectory } from './scratch.ts'

const birds = table('birds', { species: t.string(), seen: t.int() }, { key: ['species'] })

async function makeDatabase(): Promise<string> {
  const path = join(scratchDirectory(), 'db')
  await using database = await open(path)
  const rows = await database.table(birds)
  await rows.putMany([
    { species: 'owl', seen: 2 },
    { species: 'osprey', seen: 7 },
  ])
  return path
}

afterEach(() => vi.unstubAllEnvs())

test('an export to a directory is a table there, moves with rebase, and is sound', async () => {
  const db = await makeDatabase()
  const lake = join(scratchDirectory(), 'lake')
  const metadata = (
    await meruOk('iceberg', 'export', db, 'birds', '--to', lake, '--mode', 'hardlink', '--tag', 'first')
  ).trim()
  expect(metadata).toBe(join(lake, 'metadata', 'v1.metadata.json'))
  expect(readdirSync(join(lake, 'data'))).toHaveLength(1)
  expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({ refs: { first: { type: 'tag' } } })
  await meruOk('export', db, 'birds', '--to', lake, '--mode', 'hardlink', '--untag', 'first')
  const moved = join(scratchDirectory(), 'moved')
  renameSync(lake, moved)
  const { stdout, stderr } = await meru(['iceberg', 'rebase', moved])
  expect([stdout, stderr]).toEqual([`file://${moved}/metadata/v3.metadata.json\n`, '1 snapshot moved\n'])
  expect((await meru(['iceberg', 'rebase', moved])).stderr).toBe('nothing had moved\n')
  expect(await meruOk('iceberg', 'check', moved)).toMatch(/every rule is kept/)
})

test('an export to a bucket takes what it needs from the environment, and refuses a careless store', async () => {
  const db = await makeDatabase()
  const seen: string[] = []
  // It says yes to everything, conditions or not.
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const line = ['export', db, 'birds', '--to', 's3://bucket/lake/birds']
    vi.stubEnv('AWS_REGION', '')
    expect((await meru(line)).stderr).toMatch(/AWS_REGION is not set/)
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    vi.stubEnv('AWS_REGION', 'nowhere-1')
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'the-key')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the-secret')
    vi.stubEnv('AWS_SESSION_TOKEN', undefined)
    const { exitCode, stderr } = await meru(line)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/s3:\/\/bucket\/lake\/birds: the store does not honour "If-None-Match: \*"/)
    expect(seen[0]).toMatch(/^PUT \/bucket\/lake\/birds\/probe-.* Credential=the-key\/\d{8}\/nowhere-1\/s3/)
  } finally {
    server.close()
  }
})

test('what does not go together is a usage error', async () => {
  const db = await makeDatabase()
  const lines: [string[], RegExp][] = [
    [['export', db, 'birds', '--mode', 'copy'], /--mode needs --to/],
    [['export', db, 'birds', '--catalog', 'http://x'], /--catalog needs --to/],
    [['export', db, 'birds', '--to', '/x', '--mode', 'move'], /one of copy, hardlink, reference/],
    [['export', db, 'birds', '--to', '/x', '--catalog', 'http://x'], /needs --namespace/],
    [['iceberg', 'mend', db], /it has: check, rebase, export/],
    [['iceberg', 'export', db], /<table> is missing/],
    [['iceberg', 'check', db, 'birds'], /one argument too many/],
  ]
  for (const [line, message] of lines) {
    const { exitCode, stderr } = await meru(line)
    expect([line, exitCode]).toEqual([line, 2])
    expect(stderr).toMatch(message)
  }
})
