import { errnoError, ioError, MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { checkEpoch, checkEpochSync, claimEpoch, epochPath, makeDatabaseDirectories } from '../src/index.ts'
import { hookedFs } from './hooked-fs.ts'
import { sampleEnvironment } from './samples.ts'
import { overwrite } from './writer.ts'

async function database(): Promise<MemoryFs> {
  const fs = new MemoryFs()
  await makeDatabaseDirectories(fs)
  return fs
}

describe('claimEpoch', () => {
  test('gives 1 first, and then one above the highest', async () => {
    const fs = await database()
    for (const expected of [1, 2, 3]) {
      expect(await claimEpoch({ fs, env: sampleEnvironment(expected), above: 0 })).toBe(expected)
      expect(await fs.list('epoch')).toEqual([epochPath(expected).slice('epoch/'.length)])
    }
  })

  test('stays above the epoch of the manifest if the names are gone', async () => {
    const fs = await database()
    expect(await claimEpoch({ fs, env: sampleEnvironment(), above: 41 })).toBe(42)
  })

  test('is durable', async () => {
    const fs = await database()
    await claimEpoch({ fs, env: sampleEnvironment(), above: 0 })
    await expect(checkEpoch(fs.crashImage('drop'), 1)).resolves.toBeUndefined()
  })

  test('ignores names that are no epochs', async () => {
    const fs = await database()
    for (const name of ['7', '00000000000000099', 'x', '9999999999999999']) {
      await overwrite(fs, `epoch/${name}`, new Uint8Array(0))
    }
    expect(await claimEpoch({ fs, env: sampleEnvironment(), above: 0 })).toBe(1)
    await checkEpoch(fs, 1)
  })

  test('loses to a claim of the same epoch: LOCKED', async () => {
    const fs = await database()
    let raced = false
    const slow = hookedFs(fs, async (operation) => {
      if (operation !== 'link' || raced) return
      raced = true
      await claimEpoch({ fs, env: sampleEnvironment(1), above: 0 })
    })
    await expect(claimEpoch({ fs: slow, env: sampleEnvironment(2), above: 0 })).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('claimed epoch 1 first'),
    })
    await checkEpoch(fs, 1)
  })

  test('loses to a higher claim that came in between, and leaves it alone: FENCED', async () => {
    const fs = await database()
    let links = 0
    const slow = hookedFs(
      fs,
      () => undefined,
      (operation) => {
        if (operation === 'link') links++
      },
    )
    const slower = hookedFs(slow, async (operation) => {
      if (operation === 'list' && links === 1) {
        links = 2
        await claimEpoch({ fs, env: sampleEnvironment(1), above: 0 })
      }
    })
    await expect(claimEpoch({ fs: slower, env: sampleEnvironment(2), above: 0 })).rejects.toMatchObject({
      code: 'FENCED',
      message: expect.stringContaining('a writer with epoch 2 took it over'),
    })
    await checkEpoch(fs, 2)
  })

  test('hands failures of the file system on', async () => {
    const fs = hookedFs(await database(), (operation, path) => {
      if (operation === 'sync') throw ioError('sync', path, errnoError('EIO', 'i/o error'))
    })
    await expect(claimEpoch({ fs, env: sampleEnvironment(), above: 0 })).rejects.toMatchObject({ code: 'IO' })
  })
})

describe.each([
  ['checkEpoch', checkEpoch],
  ['checkEpochSync', async (fs: MemoryFs, epoch: number): Promise<void> => checkEpochSync(fs, epoch)],
])('%s', (_name, check) => {
  test('passes for the highest epoch and fences the others', async () => {
    const fs = await database()
    await overwrite(fs, epochPath(3), new Uint8Array(0))
    await overwrite(fs, epochPath(5), new Uint8Array(0))
    await check(fs, 5)
    await expect(check(fs, 3)).rejects.toMatchObject({
      code: 'FENCED',
      message: expect.stringMatching(/epoch 5 took it over from this one, which has epoch 3/),
    })
    await expect(check(fs, 4)).rejects.toMatchObject({ code: 'FENCED' })
  })

  test('fences a writer whose directory was removed or replaced', async () => {
    await expect(check(new MemoryFs(), 1)).rejects.toMatchObject({
      code: 'FENCED',
      message: expect.stringMatching(/is gone; the database was removed or replaced/),
    })
  })
})
