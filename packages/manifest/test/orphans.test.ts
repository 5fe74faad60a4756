import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import {
  claimEpoch,
  findOrphans,
  makeDatabaseDirectories,
  puffinPath,
  sstPath,
  sweepOrphans,
} from '../src/index.ts'
import { addFile, dead, sampleEnvironment, sst, usersState, uuid } from './samples.ts'

const STATE = usersState(addFile(sst(1, { dead: dead(90, 1) })), addFile(sst(2)))

const NAMED = [sstPath('users', uuid(1)), sstPath('users', uuid(2)), puffinPath('users', uuid(90))]

const ORPHANS = [
  sstPath('users', uuid(3)),
  puffinPath('users', uuid(91)),
  // Of a table that was dropped, or never committed.
  sstPath('gone', uuid(1)),
  `tables/users/data/${uuid(4)}.parquet.${uuid(5)}.tmp`,
  `manifest/0000000000000002.${uuid(6)}.tmp`,
  `LOCK.${uuid(8)}.tmp`,
  `epoch/0000000000000002.${uuid(7)}.tmp`,
]

const FOREIGN = [
  'LOCK',
  'README',
  'wal/1-1.wal',
  'manifest/0000000000000001',
  'tables/users/data/notes.txt',
  'tables/users/data/part-0.parquet',
  `tables/users/data/${uuid(3)}.puffin`,
  `tables/users/deletes/${uuid(3)}.parquet`,
  'tables/users/metadata/v1.metadata.json',
  `tables/users/changes/${uuid(3)}.parquet`,
  `tables/some.thing/data/${uuid(3)}.parquet`,
]

async function database(...more: string[]): Promise<{ fs: MemoryFs; epoch: number }> {
  const paths = [...NAMED, ...ORPHANS, ...FOREIGN, ...more]
  const fs = MemoryFs.from(paths.map((path) => [path, Uint8Array.of(1)]))
  await makeDatabaseDirectories(fs)
  return { fs, epoch: await claimEpoch({ fs, env: sampleEnvironment(), above: 0 }) }
}

describe('orphans', () => {
  test('are files of ours that no version names, and temporary files', async () => {
    const { fs } = await database()
    expect(await findOrphans(fs, STATE, new Set())).toEqual(ORPHANS.toSorted())
  })

  test('are none that are kept for others', async () => {
    const { fs } = await database()
    const keep = new Set([sstPath('users', uuid(3)), sstPath('gone', uuid(1))])
    expect(await findOrphans(fs, STATE, keep)).toEqual(ORPHANS.filter((path) => !keep.has(path)).toSorted())
  })

  test('are swept, and nothing else', async () => {
    const { fs, epoch } = await database()
    const before = fs.snapshotFiles()
    expect(await sweepOrphans({ fs, epoch, state: STATE, keep: new Set() })).toEqual(ORPHANS.toSorted())
    const removed = [...before.keys()].filter((path) => !fs.snapshotFiles().has(path))
    expect(removed.toSorted()).toEqual(ORPHANS.toSorted())
    expect(await sweepOrphans({ fs, epoch, state: STATE, keep: new Set() })).toEqual([])
  })

  test('stay if the writer was fenced', async () => {
    const { fs, epoch } = await database()
    await claimEpoch({ fs, env: sampleEnvironment(1), above: 0 })
    await expect(sweepOrphans({ fs, epoch, state: STATE, keep: new Set() })).rejects.toMatchObject({
      code: 'FENCED',
    })
    expect([...fs.snapshotFiles().keys()]).toEqual(expect.arrayContaining(ORPHANS))
  })

  test('are none in an empty directory', async () => {
    expect(await findOrphans(new MemoryFs(), STATE, new Set())).toEqual([])
  })
})
