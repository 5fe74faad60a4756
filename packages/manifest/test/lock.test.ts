import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  errnoError,
  ioError,
  MemoryFs,
  nodeEnvironment,
  NodeFs,
  nodeProcessProbe,
  type ProcessProbe,
} from '@meru/fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { acquireLock, LOCK_FILE, readLockOwner, type WriterLock } from '../src/index.ts'
import { hookedFs } from './hooked-fs.ts'
import { sampleEnvironment, uuid } from './samples.ts'
import { overwrite } from './writer.ts'

const PROBE: ProcessProbe = {
  pid: 100,
  host: 'alpha',
  boot: 'boot-1',
  namespace: 'pid:[1]',
  startTime: '5000',
  // Processes 100 and 200 run; 100 since 5000, 200 since 6000.
  isAlive: (pid, startTime) =>
    (pid === 100 && (startTime === '' || startTime === '5000')) ||
    (pid === 200 && (startTime === '' || startTime === '6000')),
}

let ids = 0
function lock(fs: MemoryFs, probe: Partial<ProcessProbe> = {}, takeover = false): Promise<WriterLock> {
  ids += 1000
  return acquireLock({
    fs,
    env: sampleEnvironment(ids),
    probe: { ...PROBE, ...probe },
    owner: uuid(ids),
    takeover,
  })
}

/** A directory whose lock was left by a process with these facts. */
async function lockedBy(facts: Partial<ProcessProbe>): Promise<MemoryFs> {
  const fs = new MemoryFs()
  await lock(fs, facts)
  return fs
}

describe('a lock', () => {
  test('names its owner and is durable', async () => {
    const fs = new MemoryFs()
    const { owner } = await lock(fs)
    const expected = {
      pid: 100,
      host: 'alpha',
      boot: 'boot-1',
      namespace: 'pid:[1]',
      startTime: '5000',
      owner,
    }
    expect(await readLockOwner(fs.crashImage('drop'))).toEqual({
      ...expected,
      lockedAt: '2026-01-01T00:00:00.000Z',
    })
  })

  test('is free again once released, and releasing twice does nothing', async () => {
    const fs = new MemoryFs()
    const first = await lock(fs)
    await first.release()
    expect(await fs.list('')).toEqual([])
    const second = await lock(fs)
    await first.release()
    expect((await readLockOwner(fs))?.owner).toBe(second.owner)
  })
})

describe('a second opener', () => {
  const refused: readonly [why: string, owner: Partial<ProcessProbe>, opener: Partial<ProcessProbe>][] = [
    ['in the same process', {}, {}],
    ['while the owner is alive', { pid: 200, startTime: '6000' }, {}],
    ['while the owner is alive, start times unknown', { pid: 200, startTime: '' }, {}],
    ['while the owner may be alive on another machine', { host: 'beta', boot: 'boot-2', pid: 300 }, {}],
    [
      'when the owner is on another machine with no known boot',
      { host: 'beta', boot: '', pid: 300 },
      { boot: '' },
    ],
    ['when the owner is in another container, whatever its pid', { namespace: 'pid:[2]', pid: 300 }, {}],
    [
      'when the owner is in another container with another name',
      { namespace: 'pid:[2]', host: 'c', pid: 300 },
      {},
    ],
  ]
  test.each(refused)('is refused %s, and told who the owner is', async (_why, owner, opener) => {
    const fs = await lockedBy(owner)
    const before = await readLockOwner(fs)
    await expect(lock(fs, opener)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(
        new RegExp(
          `process (\\(100\\)|${before?.pid} on ${before?.host}) has had it open since 2026-01-01.*takeover`,
        ),
      ),
    })
    expect(await readLockOwner(fs)).toEqual(before)
    expect(await fs.list('')).toEqual([LOCK_FILE])
  })

  const admitted: readonly [why: string, owner: Partial<ProcessProbe>, opener: Partial<ProcessProbe>][] = [
    ['when the owner died', { pid: 300 }, {}],
    ['when the owner died, start times unknown', { pid: 300, startTime: '' }, {}],
    ["when a new process has the owner's pid", { pid: 200, startTime: '5999' }, {}],
    ["when it has the dead owner's pid itself", { pid: 100, startTime: '4999' }, {}],
    ['when the machine started anew', { pid: 200, startTime: '6000', boot: 'boot-0' }, {}],
    ['when the owner died and the machine has a new name', { pid: 300, host: 'beta' }, {}],
    ['when the owner died, boots unknown', { pid: 300, boot: '' }, { boot: '' }],
  ]
  test.each(admitted)('takes over %s', async (_why, owner, opener) => {
    const fs = await lockedBy(owner)
    const taken = await lock(fs, opener)
    expect((await readLockOwner(fs))?.owner).toBe(taken.owner)
    expect(await fs.list('')).toEqual([LOCK_FILE])
  })

  test('takes over from anyone on request', async () => {
    for (const [, owner] of refused) {
      const fs = await lockedBy(owner)
      const taken = await lock(fs, {}, true)
      expect((await readLockOwner(fs))?.owner).toBe(taken.owner)
    }
  })

  test.each(['', '{', 'null', '{"pid":1}', '\u0000\u0000', '[]'])(
    'is refused by a damaged lock: %j',
    async (text) => {
      const fs = new MemoryFs()
      await overwrite(fs, LOCK_FILE, new TextEncoder().encode(text))
      expect(await readLockOwner(fs)).toBeUndefined()
      await expect(lock(fs)).rejects.toMatchObject({
        code: 'LOCKED',
        message: expect.stringMatching(/damaged.*takeover/),
      })
      const taken = await lock(fs, {}, true)
      expect((await readLockOwner(fs))?.owner).toBe(taken.owner)
    },
  )

  test('leaves a lock alone that another one took over in the meantime', async () => {
    const fs = await lockedBy({ pid: 300 })
    let reads = 0
    let winner: WriterLock | undefined
    const slow = hookedFs(fs, async (operation) => {
      if (operation === 'readFile' && ++reads === 2) winner = await lock(fs, { pid: 200, startTime: '6000' })
    })
    await expect(lock(slow as MemoryFs)).rejects.toMatchObject({ code: 'LOCKED' })
    expect((await readLockOwner(fs))?.owner).toBe(winner?.owner)
  })

  test('is refused, and no more, when the owner swept its temporary file away', async () => {
    const fs = await lockedBy({})
    const slow = hookedFs(fs, async (operation) => {
      if (operation !== 'link') return
      for (const name of await fs.list('')) if (name !== LOCK_FILE) await fs.remove(name)
    })
    await expect(lock(slow as MemoryFs)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('this process (100) has had it open'),
    })
  })

  test('hears of failures of the file system', async () => {
    const slow = hookedFs(new MemoryFs(), (operation, path) => {
      if (operation === 'sync') throw ioError('sync', path, errnoError('EIO', 'i/o error'))
    })
    await expect(lock(slow as MemoryFs)).rejects.toMatchObject({ code: 'IO' })
  })

  test('is refused in the end when others keep taking and giving it back', async () => {
    const fs = new MemoryFs()
    const slow = hookedFs(fs, async (operation) => {
      if (operation === 'link') await overwrite(fs, LOCK_FILE, new Uint8Array(1))
      if (operation === 'readFile') await fs.remove(LOCK_FILE)
    })
    await expect(lock(slow as MemoryFs)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(/at the same time/),
    })
  })
})

describe('on a real file system', () => {
  async function directory(): Promise<NodeFs> {
    const root = await mkdtemp(join(tmpdir(), 'meru-lock-'))
    onTestFinished(() => rm(root, { recursive: true }))
    return new NodeFs(root)
  }

  test('the lock of a killed process is taken over, that of a living one is not', async () => {
    const fs = await directory()
    const source = new URL('lock-holder.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--conditions=@meru/source', source, fs.root], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const options = {
      fs,
      env: nodeEnvironment(),
      probe: nodeProcessProbe(),
      owner: 'second',
      takeover: false,
    }
    await expect(acquireLock(options)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining(`process ${child.pid} on `),
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const taken = await acquireLock(options)
    expect((await readLockOwner(fs))?.owner).toBe('second')
    await taken.release()
  })
})
