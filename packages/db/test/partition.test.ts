import { MemoryFs } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, icebergBucket, t, type Table, table } from '../src/index.ts'
import { openMemory } from './fixture.ts'

const readings = table(
  'readings',
  { sensor: t.string(), at: t.timestamptz(), value: t.double().nullable() },
  {
    key: ['sensor', 'at'],
    partitionBy: [
      { column: 'sensor', transform: 'identity' },
      { column: 'at', transform: 'day' },
    ],
  },
)
type Reading = (typeof readings)['$row']

const DAY_MS = 86_400_000
const reading = (sensor: string, day: number, hour: number): Reading => ({
  sensor,
  at: new Date(day * DAY_MS + hour * 3_600_000),
  value: hour,
})

/** How many partitions the snapshots show, where they keep to the rules. */
async function partitions(fs: MemoryFs, name: string): Promise<number> {
  const check = await checkTable(fs, `tables/${name}`)
  expect(check.violations).toEqual([])
  return check.partitions
}

function openQuiet(fs: MemoryFs): Promise<Database> {
  return openMemory(fs, { settings: { autoCompaction: false, fileBytesTarget: 1 << 20 } })
}

test('files are cut between partitions, and exported with what is theirs', async () => {
  const fs = new MemoryFs()
  const db = await openQuiet(fs)
  const stored = await db.table(readings)
  const rows = ['a', 'b'].flatMap((sensor) =>
    [-1, 0, 1].flatMap((day) => [0, 12, 23].map((hour) => reading(sensor, day, hour))),
  )
  await stored.putMany(rows)
  await stored.flush()
  await stored.exportIceberg()
  // A flush is one file, of as many partitions as it has, and in none of them.
  expect(await partitions(fs, 'readings')).toBe(0)
  await stored.compact()
  expect(await stored.exportIceberg()).toMatchObject({ dataFiles: 6, deleteFiles: 0 })
  expect(await partitions(fs, 'readings')).toBe(6)
  await stored.delete({ sensor: 'b', at: rows[9].at })
  await stored.delete({ sensor: 'a', at: rows[0].at })
  expect(await stored.exportIceberg()).toMatchObject({ dataFiles: 6, deleteFiles: 2 })
  await stored.put(reading('b', 7, 7))
  expect(await stored.exportIceberg({ formatVersion: 3 })).toMatchObject({ dataFiles: 7, deleteFiles: 2 })
  expect(await partitions(fs, 'readings')).toBe(7)
  await db.close()
})

test('bulk loads are cut, too; a declaration is kept over openings and renames', async () => {
  const fs = new MemoryFs()
  const db = await openQuiet(fs)
  const stored = await db.table(readings)
  await stored.ingest([5, 3, 4].flatMap((day) => [1, 2].map((hour) => reading('a', day, hour))))
  const renamed = await stored.alter((a) => a.rename({ sensor: 'device' }))
  expect(await renamed.exportIceberg()).toMatchObject({ dataFiles: 3 })
  expect(await partitions(fs, 'readings')).toBe(3)
  await expect(renamed.alter((a) => a.add('at_day', t.int().nullable()))).rejects.toThrow(
    'column "at_day" has the name of a partition field',
  )
  await expect(renamed.alter((a) => a.rename({ value: 'sensor' }))).rejects.toThrow(
    'name of a partition field',
  )
  await expect(renamed.alter((a) => a.drop('at'))).rejects.toThrow('part of the key')
  await db.close()
  const again = await openQuiet(fs)
  const { schema } = (await again.storedTable('readings')) ?? {}
  expect(schema?.partition?.map(({ name }) => name)).toEqual(['sensor', 'at_day'])
  const columns = { device: t.string(), at: t.timestamptz(), value: t.double().nullable() }
  const plain = table('readings', columns, { key: ['device', 'at'] })
  await expect(again.table(plain)).rejects.toThrow('make another table and copy the rows')
  await again.close()
})

test('of very many partitions only so many are cut, and the rest is right without', async () => {
  const fs = new MemoryFs()
  const db = await openQuiet(fs)
  const wide = table(
    'wide',
    { id: t.int(), x: t.int() },
    { key: ['id'], partitionBy: [{ column: 'id', transform: 'identity' }] },
  )
  const stored = await db.table(wide)
  await stored.ingest(Array.from({ length: 3000 }, (_, id) => ({ id, x: id })))
  const { dataFiles } = await stored.exportIceberg()
  expect(dataFiles).toBe(257)
  expect(await stored.count()).toBe(3000)
  expect(await partitions(fs, 'wide')).toBe(256)
  await db.close()
})

describe('declarations', () => {
  const columns = { shard: t.int(), id: t.long(), at: t.timestampNs(), ok: t.boolean(), name: t.string() }
  const declare = (by: readonly { column: string; transform: string }[]) => () =>
    table('x', columns, {
      key: ['shard', 'id', 'ok', 'name', 'at'],
      partitionBy: by as never,
    })
  test.each([
    [[{ column: 'id', transform: 'identity' }], 'partitions are leading columns of the key, in its order'],
    [[{ column: 'nobody', transform: 'identity' }], '"nobody", which is no column'],
    [[{ column: 'shard', transform: 'bucket[16]' }], 'keep icebergBucket(n, value) in a column of its own'],
    [[{ column: 'shard', transform: 'day' }], '"day" is none of identity, truncate[W], void'],
    [[{ column: 'shard', transform: 'truncate[0]' }], '"truncate[0]" is none of'],
    [
      [
        { column: 'shard', transform: 'truncate[10]' },
        { column: 'id', transform: 'identity' },
      ],
      'must be the last: columns behind it would be in no order',
    ],
    [
      ['shard', 'id', 'ok', 'name', 'at'].map((column) => ({ column, transform: 'identity' })),
      'a timestamp_ns is none of boolean, int, long',
    ],
  ])('%#', (by, message) => {
    expect(declare(by)).toThrow(message)
  })
})

test('shards of a key are partitions of a bucket number', async () => {
  const fs = new MemoryFs()
  const db = await openQuiet(fs)
  const users = table(
    'users',
    { shard: t.int(), name: t.string() },
    { key: ['shard', 'name'], partitionBy: [{ column: 'shard', transform: 'identity' }] },
  )
  const stored = await db.table(users)
  await stored.ingest(
    Array.from({ length: 200 }, (_, i) => ({ shard: icebergBucket(4, `user ${i}`), name: `user ${i}` })),
  )
  expect(await stored.exportIceberg()).toMatchObject({ dataFiles: 4 })
  expect(await partitions(fs, 'users')).toBe(4)
  await db.close()
})

describe.each([
  ['truncated numbers', t.int(), 'truncate[7]', (random: Random) => random.below(100) - 50],
  [
    'truncated longs',
    t.long(),
    'truncate[1000]',
    (random: Random) => random.int64() >> BigInt(random.below(60)),
  ],
  ['long texts', t.string(), 'identity', (random: Random) => 'é'.repeat(random.pick([15, 16, 17, 40]))],
  [
    'texts of sixteen',
    t.string(),
    'truncate[16]',
    (random: Random) => 'é'.repeat(random.pick([15, 16, 17, 40])),
  ],
  [
    'truncated texts',
    t.string(),
    'truncate[1]',
    (random: Random) => random.pick(['', 'a', 'ab', '😀x', '\u{ff5e}', 'a\0b']),
  ],
  [
    'years',
    t.date(),
    'year',
    (random: Random) => new Date((random.below(4000) - 2000) * DAY_MS).toISOString().slice(0, 10),
  ],
  ['months', t.timestamp(), 'month', (random: Random) => new Date((random.below(400) - 200) * DAY_MS)],
  ['hours', t.timestamptz(), 'hour', (random: Random) => new Date((random.below(40) - 20) * 1_800_000)],
  ['nothing', t.string(), 'void', (random: Random) => String(random.below(30))],
  ['truth', t.boolean(), 'identity', (random: Random) => random.oneIn(2)],
] as const)('random histories partitioned by %s', (_, column, transform, make) => {
  test.each([1, 2, 3])('keep to the rules (seed %i)', { timeout: 60_000 }, async (seed) => {
    const random = new Random(seed)
    const fs = new MemoryFs()
    const db = await openMemory(fs)
    const definition = table(
      'parts',
      { part: column as never, id: t.int(), x: t.string() },
      { key: ['part', 'id'], partitionBy: [{ column: 'part', transform }] },
    )
    const stored = (await db.table(definition)) as never as Table
    for (let step = 0; step < 60; step++) {
      const rows = Array.from({ length: random.between(1, 30) }, () => ({
        part: make(random),
        id: random.below(6),
        x: 'x'.repeat(random.below(40)),
      }))
      const kind = random.pick([
        'put',
        'put',
        'put',
        'ingest',
        'delete',
        'flush',
        'compact',
        'export',
      ] as const)
      if (kind === 'put') await stored.putMany(rows)
      else if (kind === 'ingest') await stored.ingest(rows)
      else if (kind === 'delete') await stored.deleteMany(rows.map(({ part, id }) => ({ part, id })))
      else if (kind === 'flush') await stored.flush()
      else if (kind === 'compact') await stored.compact()
      else await stored.exportIceberg({ formatVersion: seed === 1 ? 2 : 3 })
    }
    const { liveRows } = await stored.exportIceberg({ formatVersion: seed === 1 ? 2 : 3 })
    expect(liveRows).toBe(await stored.count())
    expect(await stored.scan().toArray()).toHaveLength(liveRows)
    await stored.put({ part: make(random), id: 0, x: '' })
    await stored.compact()
    const { dataFiles } = await stored.exportIceberg()
    const found = await partitions(fs, 'parts')
    expect(found).toBeGreaterThan(0)
    expect(dataFiles).toBeGreaterThan(0)
    await db.close()
  })
})

test('hours that Iceberg has no number for are in no partition', async () => {
  const fs = new MemoryFs()
  const db = await openQuiet(fs)
  const hours = table(
    'hours',
    { at: t.timestamptz() },
    { key: ['at'], partitionBy: [{ column: 'at', transform: 'hour' }] },
  )
  const stored = await db.table(hours)
  await stored.putMany([{ at: new Date(0) }, { at: new Date(8.64e15) }])
  await stored.compact()
  expect(await stored.exportIceberg()).toMatchObject({ dataFiles: 2 })
  expect(await partitions(fs, 'hours')).toBe(1)
  await db.close()
})
