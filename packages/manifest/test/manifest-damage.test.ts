import { CorruptionError, MeruError } from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { Manifest, manifestPath, type DatabaseState } from '../src/index.ts'
import { hasHardLinks } from '../src/hard-links.ts'
import { hookedFs, linklessFs } from './hooked-fs.ts'
import { addFile, CREATE_USERS, randomFrom, sampleEnvironment, sst, users } from './samples.ts'
import { openWriter, overwrite } from './writer.ts'

const add = (n: number) => ({ changes: [addFile(sst(n))] })

/** Files 1 (state), 2, 3, 4 (edits); the newest is 4. */
async function chainOfFour(wrap: (fs: FileSystem) => FileSystem = (fs) => fs): Promise<MemoryFs> {
  const fs = new MemoryFs()
  const manifest = await openWriter(wrap(fs))
  await manifest.commit({ changes: [CREATE_USERS] })
  await manifest.commit(add(1))
  await manifest.commit(add(2))
  return fs
}

async function bytesOf(fs: FileSystem, id: number): Promise<Uint8Array> {
  return (await fs.readFile(manifestPath(id))) as Uint8Array
}

async function loadError(fs: FileSystem): Promise<unknown> {
  try {
    await Manifest.load(fs)
  } catch (error) {
    return error
  }
  return undefined
}

describe('damage is reported and never rolled back over', () => {
  test('any changed byte of any file of the chain', async () => {
    const fs = await chainOfFour()
    const random = randomFrom(1)
    for (const id of [1, 2, 3, 4]) {
      const bytes = await bytesOf(fs, id)
      for (let at = 0; at < bytes.length; at++) {
        const damaged = bytes.slice()
        damaged[at] ^= 1 + random(255)
        await overwrite(fs, manifestPath(id), damaged)
        const error = await loadError(fs)
        expect(error, `manifest ${id}, byte ${at}`).toBeInstanceOf(CorruptionError)
        expect(error).toMatchObject({ file: manifestPath(id) })
      }
      await overwrite(fs, manifestPath(id), bytes)
    }
    expect((await Manifest.load(fs))?.manifestId).toBe(4)
  })

  test.each([1, 2, 3, 4])('file %d cut at any byte, even the newest', async (id) => {
    const fs = await chainOfFour()
    const bytes = await bytesOf(fs, id)
    for (let length = 0; length < bytes.length; length += 7) {
      await overwrite(fs, manifestPath(id), bytes.slice(0, length))
      expect(await loadError(fs), `cut at ${length}`).toMatchObject({ code: 'CORRUPT' })
      await expect(openWriter(fs, { env: sampleEnvironment(1) })).rejects.toMatchObject({ code: 'CORRUPT' })
    }
  })

  test.each([1, 2, 3])('file %d missing from the chain', async (id) => {
    const fs = await chainOfFour()
    await overwrite(fs, manifestPath(id), undefined)
    expect(await loadError(fs)).toMatchObject({ code: 'CORRUPT', file: manifestPath(id) })
  })

  test.each([
    [2, 3],
    [3, 4],
    [1, 2],
  ])('files %d and %d swapped', async (a, b) => {
    const fs = await chainOfFour()
    const [first, second] = [await bytesOf(fs, a), await bytesOf(fs, b)]
    await overwrite(fs, manifestPath(a), second)
    await overwrite(fs, manifestPath(b), first)
    expect(await loadError(fs)).toMatchObject({ code: 'CORRUPT' })
  })

  test.each([2, 3, 4])('file %d taken from another database', async (id) => {
    const fs = await chainOfFour()
    const other = new MemoryFs()
    const manifest = await openWriter(other)
    await manifest.commit({ changes: [CREATE_USERS, { kind: 'setLastSeqno', seqno: 1 }] })
    await manifest.commit(add(11))
    await manifest.commit(add(12))
    await overwrite(fs, manifestPath(id), await bytesOf(other, id))
    expect(await loadError(fs)).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(/follows another manifest/),
    })
  })

  test('a copy of an old file under a new name', async () => {
    const fs = await chainOfFour()
    await overwrite(fs, manifestPath(5), await bytesOf(fs, 4))
    expect(await loadError(fs)).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(/holds manifest 4/),
    })
  })

  test.each(['tables/users/data/x.parquet', 'wal/1-1.wal'])(
    'no manifest at all, though there is %s',
    async (path) => {
      const fs = MemoryFs.from([[path, Uint8Array.of(1)]])
      await expect(openWriter(fs)).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringMatching(/there is no manifest, but \d tables and \d log segments/),
      })
    },
  )

  test('files of other names do not matter', async () => {
    const fs = await chainOfFour()
    const before = await Manifest.load(fs)
    for (const name of ['5', '0000000000000005.tmp', '00000000000000050', '9999999999999999', 'x']) {
      await overwrite(fs, `manifest/${name}`, Uint8Array.of(1))
    }
    expect(await Manifest.load(fs)).toEqual(before)
  })
})

describe('where there are no hard links', () => {
  test('that is noticed', async () => {
    const fs = new MemoryFs()
    await fs.makeDirectory('manifest')
    expect(await hasHardLinks(fs, sampleEnvironment(), 'manifest')).toBe(true)
    expect(await hasHardLinks(linklessFs(fs), sampleEnvironment(), 'manifest')).toBe(false)
    expect(await fs.list('manifest')).toEqual([])
  })

  test('a newest file that is cut short was never acknowledged, and the next writer steps over it', async () => {
    const original = await chainOfFour(linklessFs)
    const cut = await bytesOf(original, 4)
    for (const bytes of [
      ...[0, 10, 44, 60, cut.length - 1].map((n) => cut.slice(0, n)),
      new Uint8Array(cut.length),
    ]) {
      const fs = await chainOfFour(linklessFs)
      await overwrite(fs, manifestPath(4), bytes)
      const state = await Manifest.load(fs)
      expect(state?.manifestId).toBe(3)
      const manifest = await openWriter(linklessFs(fs), { env: sampleEnvironment(1) })
      expect(manifest.current).toEqual({ ...state, manifestId: 5, epoch: 2 })
      expect(users(await manifest.commit(add(9))).files).toHaveLength(2)
      expect(await Manifest.load(fs)).toEqual(manifest.current)
      // The links are back, and so is every file whole: nothing is left of the cut one.
      const third = await openWriter(fs, { env: sampleEnvironment(2) })
      expect(third.current.tables).toEqual(manifest.current.tables)
    }
  })

  test('several cut files in a row are stepped over', async () => {
    const fs = await chainOfFour(linklessFs)
    for (const id of [4, 5, 6]) await overwrite(fs, manifestPath(id), new Uint8Array(0))
    expect((await Manifest.load(fs))?.manifestId).toBe(3)
    const manifest = await openWriter(linklessFs(fs), { env: sampleEnvironment(1) })
    expect(manifest.current.manifestId).toBe(7)
  })

  test('a changed byte is damage all the same', async () => {
    const fs = await chainOfFour(linklessFs)
    const bytes = await bytesOf(fs, 4)
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice()
        damaged[at] ^= 1 << bit
        await overwrite(fs, manifestPath(4), damaged)
        expect(await loadError(fs), `byte ${at} bit ${bit}`).toBeInstanceOf(CorruptionError)
      }
    }
  })

  test('a cut file in the middle is damage', async () => {
    const fs = await chainOfFour(linklessFs)
    await overwrite(fs, manifestPath(3), (await bytesOf(fs, 3)).slice(0, 20))
    expect(await loadError(fs)).toMatchObject({ code: 'CORRUPT', file: manifestPath(3) })
  })

  test('a first file that is cut short leaves an empty database, for it held none other', async () => {
    const fs = new MemoryFs()
    await openWriter(linklessFs(fs))
    await overwrite(fs, manifestPath(1), new Uint8Array(3))
    expect(await Manifest.load(fs)).toBeUndefined()
    const manifest = await openWriter(linklessFs(fs), { env: sampleEnvironment(1) })
    expect(manifest.current).toMatchObject({ manifestId: 2, nextTableId: 1, epoch: 2 })
    expect(await Manifest.load(fs)).toEqual(manifest.current)
  })

  test('files that are all cut short, as a copy to a full disk leaves them, are damage', async () => {
    const fs = await chainOfFour(linklessFs)
    for (const id of [1, 2, 3, 4]) await overwrite(fs, manifestPath(id), new Uint8Array(0))
    expect(await loadError(fs)).toMatchObject({ code: 'CORRUPT' })
    await expect(openWriter(linklessFs(fs), { env: sampleEnvironment(1) })).rejects.toMatchObject({
      code: 'CORRUPT',
    })
  })
})

describe('a reader beside a writer', () => {
  test('starts over when the files that it was about to read are replaced', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 3 })
    await manifest.commit({ changes: [CREATE_USERS] })
    await manifest.commit(add(1))
    let next = 2
    let reads = 0
    const slow = hookedFs(fs, async (operation) => {
      if (operation !== 'readFile' || ++reads > 6) return
      for (let i = 0; i < 5; i++) await manifest.commit(add(next++))
    })
    const state = await Manifest.load(slow)
    expect(reads).toBeGreaterThan(6)
    expect(state).toEqual(manifest.current)
  })

  test('sees some committed version at every interleaving', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 1 })
    const versions = new Map<number, DatabaseState>([[1, manifest.current]])
    const random = randomFrom(5)
    let n = 0
    const slow = hookedFs(fs, async () => {
      for (let i = random(3); i > 0; i--) {
        const edit = n === 0 ? { changes: [CREATE_USERS] } : add(n)
        n++
        const state = await manifest.commit(edit)
        versions.set(state.manifestId, state)
      }
    })
    let last = 0
    for (let i = 0; i < 60; i++) {
      const state = await Manifest.load(slow).catch((error: unknown) => error)
      expect(state).not.toBeInstanceOf(MeruError)
      const { manifestId } = state as DatabaseState
      expect(state).toEqual(versions.get(manifestId))
      expect(manifestId).toBeGreaterThanOrEqual(last)
      last = manifestId
    }
  })

  test('gives up with a reason when the manifest never stands still', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 1 })
    await manifest.commit({ changes: [CREATE_USERS] })
    let n = 0
    const slow = hookedFs(fs, async (operation) => {
      if (operation === 'readFile') for (let i = 0; i < 3; i++) await manifest.commit(add(++n))
    })
    expect(await loadError(slow)).toMatchObject({
      code: 'IO',
      message: expect.stringMatching(/changed faster/),
    })
  })
})
