import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, t, table } from '../src/index.ts'
import { TINY } from './fixture.ts'

const items = table('items', { id: t.int(), name: t.string(), count: t.int() }, { key: ['id'] })

test('worker threads merge files of several schemas into the newest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'meru-alter-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  await using db = await open(directory, { settings: { ...TINY, autoCompaction: false, workers: 1 } })
  const first = await db.table(items)
  await first.putMany(Array.from({ length: 100 }, (_, id) => ({ id, name: `n${id}`, count: id })))
  await first.flush()
  const second = await first.alter((a) => a.widen('count', t.long()).add('level', t.int().default(4)))
  await second.putMany(Array.from({ length: 100 }, (_, id) => ({ id: id + 50, name: 'x', count: 2n ** 40n })))
  await second.flush()
  const third = await second.alter((a) => a.drop('name').rename({ level: 'name' }))
  await third.put({ id: 200, count: 1n, name: 0 })
  await third.compact()
  const expected = Array.from({ length: 150 }, (_, id) => ({
    id,
    count: id < 50 ? BigInt(id) : 2n ** 40n,
    name: 4,
  }))
  expect(await third.scan().toArray()).toEqual([...expected, { id: 200, count: 1n, name: 0 }])
  expect(third.stats()).toMatchObject({ deadRows: 0, liveRows: 151 })
})
