import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { verify } from '../src/index.ts'
import { openMemory, users } from './fixture.ts'

async function closedDatabase(): Promise<MemoryFs> {
  const fs = new MemoryFs()
  const db = await openMemory(fs)
  const table = await db.table(users)
  await table.putMany(Array.from({ length: 200 }, (_, id) => ({ tenant: 't', id, name: `n${id}` })))
  await table.flush()
  await table.delete({ tenant: 't', id: 7 })
  await db.close()
  return fs
}

describe('verify', () => {
  test('a whole database has no problem, and its live rows are counted', async () => {
    const seen: number[] = []
    const fs = await closedDatabase()
    const report = await verify('memory', { fs, onProgress: ({ filesDone }) => void seen.push(filesDone) })
    expect(report.problems).toEqual([])
    expect(report.rows).toBe(199)
    expect(seen.at(-1)).toBe(report.files)
  })

  test('damage to an SST and to dead positions is found and named', async () => {
    const files = (await closedDatabase()).snapshotFiles()
    for (const part of ['data', 'deletes']) {
      const path = [...files.keys()].find((name) => name.startsWith(`tables/users/${part}/`)) as string
      const damaged = new Map(files)
      const bytes = (files.get(path) as Uint8Array).slice()
      bytes[40] ^= 1
      damaged.set(path, bytes)
      const { problems } = await verify('memory', { fs: MemoryFs.from(damaged) })
      expect(problems).toHaveLength(1)
      expect(problems[0].message).toContain(path)
    }
  })

  test('a database that is open is left alone', async () => {
    const fs = new MemoryFs()
    const db = await openMemory(fs)
    await expect(verify('memory', { fs })).rejects.toMatchObject({ code: 'LOCKED' })
    await db.close()
    expect((await verify('memory', { fs })).problems).toEqual([])
  })

  test('a directory without a database is refused', async () => {
    await expect(verify('nowhere', { fs: new MemoryFs() })).rejects.toMatchObject({ code: 'INVALID' })
  })
})
