import { MeruError } from '@meru/core'
import { errnoError, ioError, MemoryFs, type FileSystem } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import {
  checkEpoch,
  claimEpoch,
  findFile,
  Manifest,
  manifestPath,
  parseManifestName,
  type Change,
  type DatabaseState,
} from '../src/index.ts'
import { hookedFs } from './hooked-fs.ts'
import { addFile, CREATE_USERS, removeFile, sampleEnvironment, sst, users, uuid } from './samples.ts'
import { openWriter } from './writer.ts'

const add = (n: number): { changes: Change[] } => ({ changes: [addFile(sst(n))] })
const CREATE = { changes: [CREATE_USERS] }

async function manifestIds(fs: FileSystem): Promise<number[]> {
  const ids = (await fs.list('manifest')).map((name) => parseManifestName(name) ?? -1)
  return ids.toSorted((a, b) => a - b)
}

/** A manifest whose file system fails as told from now on. */
async function failingWriter(): Promise<{
  memory: MemoryFs
  manifest: Manifest
  fail: {
    before?: (operation: string, path: string) => void
    after?: (operation: string, path: string) => void
  }
}> {
  const memory = new MemoryFs()
  const fail: Awaited<ReturnType<typeof failingWriter>>['fail'] = {}
  const fs = hookedFs(
    memory,
    (operation, path) => fail.before?.(operation, path),
    (operation, path) => fail.after?.(operation, path),
  )
  const manifest = await openWriter(fs)
  await manifest.commit(CREATE)
  return { memory, manifest, fail }
}

describe('a manifest', () => {
  test('of an empty directory is not there for a reader', async () => {
    expect(await Manifest.load(new MemoryFs())).toBeUndefined()
  })

  test('starts with an empty state, committed', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs)
    expect(manifest.current).toMatchObject({
      manifestId: 1,
      epoch: 1,
      owner: 'writer',
      lastSeqno: 0,
      nextTableId: 1,
    })
    expect(await Manifest.load(fs)).toEqual(manifest.current)
  })

  test('is what was committed, at every commit and for every reader', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 3 })
    let before = manifest.current
    for (const edit of [
      CREATE,
      add(1),
      add(2),
      { changes: [removeFile(1)] },
      add(3),
      add(4),
      add(5),
      add(6),
    ]) {
      const state = await manifest.commit(edit)
      expect(state.manifestId).toBe(before.manifestId + 1)
      expect(manifest.current).toBe(state)
      expect(await Manifest.load(fs)).toEqual(state)
      before = state
    }
    expect(users(before).files.map((file) => file.id)).toEqual([6, 5, 4, 3, 2].map(uuid))
  })

  test('goes on under the next writer where the last one stopped', async () => {
    const fs = new MemoryFs()
    const first = await openWriter(fs, { owner: 'first' })
    await first.commit(CREATE)
    const last = await first.commit(add(1))
    await first.close()
    const second = await openWriter(fs, { owner: 'second' })
    expect(second.current).toEqual({ ...last, manifestId: 4, epoch: 2, owner: 'second' })
  })

  test('commits one edit after the other, each upon the state that the last one left', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs)
    const seen: DatabaseState[] = []
    const edits = [CREATE, add(1), add(2), add(3)].map((edit) => (state: DatabaseState) => {
      seen.push(state)
      return edit
    })
    const start = manifest.current
    const states = await Promise.all(edits.map((edit) => manifest.commit(edit)))
    expect(seen).toEqual([start, ...states.slice(0, -1)])
    expect(manifest.current).toBe(states[3])
    expect(await Manifest.load(fs)).toEqual(states[3])
  })

  test('installs a version before the caller or the next commit sees it', async () => {
    const manifest = await openWriter(new MemoryFs())
    await manifest.commit(CREATE)
    const order: string[] = []
    const first = manifest.commit(add(1)).then((state) => {
      order.push(`first resolved, current ${manifest.current.manifestId - state.manifestId} later`)
    })
    const second = manifest.commit((state) => {
      order.push(`second starts on ${manifest.current === state ? 'the current' : 'another'} version`)
      return add(2)
    })
    await Promise.all([first, second])
    expect(order.toSorted()).toEqual([
      'first resolved, current 0 later',
      'second starts on the current version',
    ])
  })

  test('writes nothing for an edit without changes', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs)
    expect(await manifest.commit({ changes: [] })).toBe(manifest.current)
    expect(await manifestIds(fs)).toEqual([1])
  })

  test('keeps its files few: a full state every so many edits, and none that no kept state needs', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 2, statesKept: 2 })
    await manifest.commit(CREATE)
    const listings: number[][] = []
    for (let n = 1; n <= 8; n++) {
      await manifest.commit(add(n))
      listings.push(await manifestIds(fs))
    }
    expect(listings.slice(-5)).toEqual([
      [1, 2, 3, 4, 5, 6],
      [4, 5, 6, 7],
      [4, 5, 6, 7, 8],
      [4, 5, 6, 7, 8, 9],
      [7, 8, 9, 10],
    ])
    const again = await openWriter(fs, { editsPerState: 2, statesKept: 1, env: sampleEnvironment(1) })
    expect(await manifestIds(fs)).toEqual([11])
    expect(again.current.tables).toEqual(manifest.current.tables)
  })

  test('with no edits between states writes states only', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs, { editsPerState: 0 })
    const state = await manifest.commit(CREATE)
    expect(await manifestIds(fs)).toEqual([2])
    expect(await Manifest.load(fs)).toEqual(state)
  })

  test('takes no commits after it was closed, but finishes those under way', async () => {
    const manifest = await openWriter(new MemoryFs())
    const last = manifest.commit(CREATE)
    await manifest.close()
    expect((await last).tables.size).toBe(1)
    await expect(manifest.commit(add(1))).rejects.toMatchObject({ code: 'CLOSED' })
    await manifest.close()
  })

  test.each([
    [{ editsPerState: -1 }, /editsPerState -1/],
    [{ editsPerState: 1.5 }, /editsPerState 1.5/],
    [{ statesKept: 0 }, /statesKept 0/],
    [{ owner: '' }, /owner must not be empty/],
  ])('refuses the options %o', async (options, problem) => {
    const opening = openWriter(new MemoryFs(), options)
    await expect(opening).rejects.toThrow(TypeError)
    await expect(opening).rejects.toThrow(problem)
  })
})

describe('a failed commit', () => {
  test('that was refused leaves everything as it was', async () => {
    const { manifest, memory } = await failingWriter()
    const before = manifest.current
    await expect(manifest.commit({ changes: [removeFile(1)] })).rejects.toMatchObject({ code: 'INVALID' })
    await expect(
      manifest.commit(() => {
        throw new RangeError('the caller failed')
      }),
    ).rejects.toThrow(RangeError)
    expect(manifest.current).toBe(before)
    expect(await Manifest.load(memory)).toEqual(before)
    await manifest.commit(add(1))
  })

  test('for want of space did not happen, and the next one may', async () => {
    const { manifest, memory, fail } = await failingWriter()
    const before = manifest.current
    fail.before = (operation, path) => {
      if (operation === 'write') throw ioError('write', path, errnoError('ENOSPC', 'no space left on device'))
    }
    await expect(manifest.commit(add(1))).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(manifest.current).toBe(before)
    expect(await Manifest.load(memory)).toEqual(before)
    delete fail.before
    const state = await manifest.commit(add(2))
    expect(state.manifestId).toBe(before.manifestId + 1)
    expect(await Manifest.load(memory)).toEqual(state)
  })

  test('for want of space after its name was made poisons', async () => {
    const { manifest, fail } = await failingWriter()
    fail.before = (operation, path) => {
      if (operation === 'syncDirectory') throw ioError('sync', path, errnoError('ENOSPC', 'no space left'))
    }
    await expect(manifest.commit(add(1))).rejects.toMatchObject({ code: 'POISONED' })
    delete fail.before
    await expect(manifest.commit(add(2))).rejects.toMatchObject({ code: 'POISONED' })
  })

  test.each(['create', 'write', 'sync', 'link', 'remove', 'syncDirectory', 'list'])(
    'in %s poisons: later ones fail with the first cause, the version stays',
    async (operation) => {
      const { manifest, memory, fail } = await failingWriter()
      const before = manifest.current
      const cause = ioError(operation, 'x', errnoError('EIO', 'i/o error'))
      fail.before = (called) => {
        if (called === operation) throw cause
      }
      await expect(manifest.commit(add(1))).rejects.toMatchObject({ code: 'POISONED', cause })
      delete fail.before
      await expect(manifest.commit(add(2))).rejects.toMatchObject({
        code: 'POISONED',
        message: expect.stringContaining('i/o error'),
      })
      expect(manifest.current).toBe(before)
      const reopened = await openWriter(memory, { env: sampleEnvironment(1) })
      const files = users(reopened.current).files.map((file) => file.id)
      expect([[], [uuid(1)]]).toContainEqual(files)
    },
  )

  test('whose answer was lost succeeded if the file is its own', async () => {
    const { manifest, memory, fail } = await failingWriter()
    fail.after = (operation, path) => {
      if (operation !== 'link') return
      delete fail.after
      throw ioError('link', path, errnoError('EEXIST', 'a retry found the name taken'))
    }
    const state = await manifest.commit(add(1))
    expect(manifest.current).toBe(state)
    expect(await Manifest.load(memory)).toEqual(state)
    expect(await Manifest.load(memory.crashImage('drop'))).toEqual(state)
  })

  test('in removing old files is none', async () => {
    const { manifest, memory, fail } = await failingWriter()
    fail.before = (operation, path) => {
      if (operation === 'remove' && parseManifestName(path.slice('manifest/'.length)) !== undefined) {
        throw ioError('remove', path, errnoError('EIO', 'i/o error'))
      }
    }
    for (let n = 1; n <= 8; n++) await manifest.commit(add(n))
    expect(await manifestIds(memory)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    delete fail.before
    for (let n = 9; n <= 12; n++) await manifest.commit(add(n))
    expect(await manifestIds(memory)).toEqual([11, 12, 13, 14])
  })
})

describe('a writer that was taken over', () => {
  async function takenOver(): Promise<{ fs: MemoryFs; old: Manifest; young: Manifest }> {
    const fs = new MemoryFs()
    const old = await openWriter(fs, { owner: 'old' })
    await old.commit(CREATE)
    const young = await openWriter(fs, { owner: 'young', env: sampleEnvironment(1) })
    return { fs, old, young }
  }

  test('is fenced at its next commit, and for good', async () => {
    const { fs, old, young } = await takenOver()
    await expect(old.commit(add(1))).rejects.toMatchObject({ code: 'FENCED' })
    await expect(old.commit(add(2))).rejects.toMatchObject({ code: 'FENCED' })
    expect(await Manifest.load(fs)).toEqual(young.current)
  })

  test('is fenced though its name is free, because the newer manifests replaced it', async () => {
    const { fs, old, young } = await takenOver()
    for (let n = 1; n <= 9; n++) await young.commit(add(n))
    expect(await manifestIds(fs)).not.toContain(old.current.manifestId + 1)
    await expect(old.commit(add(100))).rejects.toMatchObject({ code: 'FENCED' })
    expect(await Manifest.load(fs)).toEqual(young.current)
    const third = await openWriter(fs, { owner: 'third', env: sampleEnvironment(2) })
    expect(third.current.tables).toEqual(young.current.tables)
    expect(await manifestIds(fs)).toEqual([third.current.manifestId])
  })

  test('may still land a commit before the takeover, which the new writer then goes on from', async () => {
    const fs = new MemoryFs()
    const old = await openWriter(fs, { owner: 'old' })
    await old.commit(CREATE)
    const epoch = await claimEpoch({ fs, env: sampleEnvironment(1), above: 0 })
    let raced = false
    const racing = hookedFs(fs, async (operation, path) => {
      if (operation !== 'link' || path !== manifestPath(3) || raced) return
      raced = true
      // The old writer cannot know whether the new one saw it, so its caller hears of no success.
      await expect(old.commit(add(1))).rejects.toMatchObject({ code: 'FENCED' })
    })
    const env = sampleEnvironment(2)
    const young = await Manifest.open({
      fs: racing,
      env,
      epoch,
      owner: 'young',
      editsPerState: 4,
      statesKept: 1,
    })
    expect(raced).toBe(true)
    expect(findFile(users(young.current), uuid(1))).toBeDefined()
    expect(young.current).toMatchObject({ epoch, owner: 'young', manifestId: 4 })
  })

  test('cannot open a manifest with the epoch that it claimed first', async () => {
    const fs = new MemoryFs()
    await openWriter(fs)
    const options = { fs, env: sampleEnvironment(1), owner: 'x', editsPerState: 1, statesKept: 1 }
    await expect(Manifest.open({ ...options, epoch: 1 })).rejects.toMatchObject({ code: 'FENCED' })
    const early = await claimEpoch({ fs, env: sampleEnvironment(2), above: 0 })
    const late = await claimEpoch({ fs, env: sampleEnvironment(3), above: 0 })
    await expect(Manifest.open({ ...options, epoch: early })).rejects.toMatchObject({ code: 'FENCED' })
    expect((await Manifest.open({ ...options, env: sampleEnvironment(4), epoch: late })).current.epoch).toBe(
      late,
    )
    await checkEpoch(fs, late)
  })

  test('is told of bytes under its next name that no writer puts there', async () => {
    const fs = new MemoryFs()
    const manifest = await openWriter(fs)
    const copy = (await fs.readFile(manifestPath(1))) as Uint8Array
    const handle = await fs.create(manifestPath(2), { exclusive: true })
    await handle.write(copy, 0)
    await handle.close()
    const failed = manifest.commit(CREATE)
    await expect(failed).rejects.toBeInstanceOf(MeruError)
    await expect(failed).rejects.toMatchObject({ code: 'CORRUPT', file: manifestPath(2) })
  })
})
