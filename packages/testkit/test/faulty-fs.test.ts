import { createIfAbsent, MemoryFs, NodeFs, type FileSystem } from '@meru/fs'
import { fileSystemSuite } from '@meru/fs/suite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  CrashError,
  FaultyFs,
  isCrash,
  Random,
  TestEnvironment,
  TracedFs,
  type NumberedCall,
} from '../src/index.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meru-testkit-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

fileSystemSuite('FaultyFs without faults', () => new FaultyFs(new MemoryFs()).fs)

let made = 0
fileSystemSuite('FaultyFs around TracedFs around NodeFs', async () => {
  const node = new NodeFs(join(scratch, String(made++)))
  await node.makeDirectory('')
  return new FaultyFs(new TracedFs(node, { reads: true }).fs).fs
})

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)

/** Ten bytes, written in two halves and made durable. */
async function script(fs: FileSystem): Promise<void> {
  const handle = await fs.create('a', { exclusive: true })
  await handle.write(filled(6, 1), 0)
  handle.writeSync(filled(4, 2), 6)
  await handle.sync()
  await handle.close()
  await fs.syncDirectory('')
}

describe('counting', () => {
  test('every call has the next number, synchronous or not, and syncs have one of their own', async () => {
    const faulty = new FaultyFs(new MemoryFs())
    const seen: NumberedCall[] = []
    faulty.inject((call) => void seen.push(call))
    await script(faulty.fs)
    await faulty.fs.link('a', 'b')
    const reader = faulty.fs.openSync('a')
    reader.readSync(new Uint8Array(3), 1)
    reader.closeSync()
    expect(seen).toEqual([
      { number: 1, operation: 'create', path: 'a', exclusive: true },
      { number: 2, operation: 'write', path: 'a', offset: 0, length: 6 },
      { number: 3, operation: 'write', path: 'a', offset: 6, length: 4 },
      { number: 4, operation: 'sync', path: 'a', sync: 1 },
      { number: 5, operation: 'close', path: 'a' },
      { number: 6, operation: 'syncDirectory', path: '', sync: 2 },
      { number: 7, operation: 'link', path: 'a', to: 'b' },
      { number: 8, operation: 'open', path: 'a' },
      { number: 9, operation: 'read', path: 'a', offset: 1, length: 3 },
      { number: 10, operation: 'close', path: 'a' },
    ])
    expect([faulty.calls, faulty.syncs]).toEqual([10, 2])
  })
})

describe('failures', () => {
  test('each call of a script can fail, once, with the code that its error number asks for', async () => {
    for (const [errno, code] of [
      ['EIO', 'IO'],
      ['ENOSPC', 'DISK_FULL'],
      ['EMFILE', 'IO'],
    ]) {
      for (let k = 1; k <= 6; k++) {
        const faulty = new FaultyFs(new MemoryFs())
        faulty.failAt(k, errno)
        const message: unknown = expect.stringMatching(errno)
        await expect(script(faulty.fs), `${errno} at ${k}`).rejects.toMatchObject({ code, message })
        await faulty.fs.remove('a')
        await script(faulty.fs)
      }
    }
  })

  test('a call fails before it does anything, or half done, or when all is done', async () => {
    const outcomes: [effect: 'none' | 'half' | 'whole', bytes: number][] = [
      ['none', 0],
      ['half', 3],
      ['whole', 6],
    ]
    for (const [effect, bytes] of outcomes) {
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      faulty.failAt(2, 'EIO', effect)
      await expect(script(faulty.fs)).rejects.toMatchObject({ code: 'IO' })
      expect(await memory.readFile('a')).toEqual(filled(bytes, 1))
      const linking = new FaultyFs(memory)
      linking.failAt(1, 'EIO', effect)
      await expect(linking.fs.link('a', 'b')).rejects.toMatchObject({
        code: 'IO',
        message: expect.stringMatching('a to b'),
      })
      expect(await memory.list('')).toEqual(effect === 'whole' ? ['b', 'a'] : ['a'])
    }
  })

  test('a close that fails has closed the handle', async () => {
    const faulty = new FaultyFs(new MemoryFs())
    const handle = await faulty.fs.create('a', { exclusive: true })
    faulty.failAt(2, 'EIO')
    await expect(handle.close()).rejects.toMatchObject({ code: 'IO' })
    await expect(handle.write(filled(1, 1), 0)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('short reads and writes move half of the bytes and say nothing', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    faulty.inject(({ operation }) => (operation === 'write' ? { effect: 'short' } : undefined))
    await script(faulty.fs)
    expect(await memory.readFile('a')).toEqual(Uint8Array.of(1, 1, 1, 0, 0, 0, 2, 2))
    faulty.heal()
    faulty.inject(({ operation }) => (operation === 'read' ? { effect: 'short' } : undefined))
    const into = new Uint8Array(4)
    expect(await (await faulty.fs.open('a')).read(into, 0)).toBe(2)
    expect(into).toEqual(Uint8Array.of(1, 1, 0, 0))
  })

  test('a call that hangs leaves the others alone', async () => {
    const faulty = new FaultyFs(new MemoryFs())
    faulty.inject(({ number }) => (number === 1 ? { effect: 'hang' } : undefined))
    let isSettled = false
    faulty.fs.list('').then(
      () => (isSettled = true),
      () => (isSettled = true),
    )
    await script(faulty.fs)
    expect(isSettled).toBe(false)
  })

  test('rules can depend on chance, and be taken back', async () => {
    const faulty = new FaultyFs(new MemoryFs())
    const random = new Random(1)
    faulty.inject(() => (random.oneIn(4) ? { errno: 'EIO' } : undefined))
    const results = await Promise.allSettled(Array.from({ length: 400 }, () => faulty.fs.list('')))
    const failed = results.filter(({ status }) => status === 'rejected').length
    expect(failed).toBeGreaterThan(50)
    expect(failed).toBeLessThan(150)
    faulty.heal()
    await script(faulty.fs)
  })
})

describe('failed syncs', () => {
  test('drop what they covered at the next crash, although later syncs succeed', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    faulty.failSyncAt(1)
    const handle = await faulty.fs.create('a', { exclusive: true })
    await faulty.fs.syncDirectory('').catch(() => undefined)
    await handle.write(filled(512, 1), 0)
    await handle.sync()
    await faulty.fs.syncDirectory('')
    expect(memory.crashImage('drop').listSync('')).toEqual([])

    const second = new FaultyFs(memory)
    second.failSyncAt(2)
    const again = await second.fs.create('b', { exclusive: true })
    await second.fs.syncDirectory('')
    await again.write(filled(512, 1), 0)
    await expect(again.sync()).rejects.toMatchObject({ code: 'IO' })
    await again.write(filled(512, 2), 512)
    await again.sync()
    const found = await memory.crash('drop').readFile('b')
    expect(found).toEqual(new Uint8Array([...filled(512, 0), ...filled(512, 2)]))
  })
})

describe('crashes', () => {
  test('stop the script at any call, and every call after it', async () => {
    for (let k = 1; k <= 6; k++) {
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      faulty.crashAt(k)
      await expect(script(faulty.fs), `crash at ${k}`).rejects.toThrow(CrashError)
      expect(() => faulty.fs.listSync('')).toThrow(CrashError)
      await expect(faulty.fs.remove('a')).rejects.toSatisfy(isCrash)
      expect(memory.crash('drop').listSync('')).toEqual([])
      faulty.heal()
      expect(() => faulty.fs.listSync('')).toThrow(CrashError)
    }
    const faulty = new FaultyFs(new MemoryFs())
    faulty.crashAt(7)
    await script(faulty.fs)
  })

  test('nothing that was under way takes effect afterwards', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const handle = await faulty.fs.create('a', { exclusive: true })
    faulty.crashAt(3)
    const underWay = handle.write(filled(5, 1), 0)
    expect(() => faulty.fs.listSync('')).toThrow(CrashError)
    await expect(underWay).rejects.toMatchObject({ code: 'IO' })
    expect((await memory.crash('grown').readFile('a'))?.length).toBe(0)
  })

  test('a crash is recognised behind the errors that wrap it', () => {
    const crash = new CrashError('call 1: list')
    expect(isCrash(crash)).toBe(true)
    expect(isCrash(new Error('outer', { cause: new Error('inner', { cause: crash }) }))).toBe(true)
    expect(isCrash(new AggregateError([new Error('other'), crash]))).toBe(true)
    expect(isCrash(new Error('other'))).toBe(false)
    expect(isCrash('crash')).toBe(false)
  })

  test('a file made with createIfAbsent survives every crash after it, at every call', async () => {
    const survivors: boolean[] = []
    for (let k = 1; ; k++) {
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      faulty.crashAt(k)
      const isMade = await createIfAbsent(faulty.fs, new TestEnvironment(), 'a', filled(700, 1)).catch(
        () => false,
      )
      const found = await memory.crash('drop').readFile('a')
      survivors.push(found !== undefined)
      if (isMade) break
    }
    expect(survivors).toEqual([false, false, false, false, false, false, false, true])
  })
})

describe('a full disk', () => {
  test('takes the bytes that fit, refuses the rest, and takes more when there is room', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    faulty.limitFreeBytes(10)
    await script(faulty.fs)
    const full = { code: 'DISK_FULL' }
    await expect(faulty.fs.create('b', { exclusive: true })).rejects.toMatchObject(full)
    await expect(faulty.fs.link('a', 'b')).rejects.toMatchObject(full)
    const handle = await faulty.fs.create('a', { exclusive: false })
    await handle.write(filled(8, 3), 0)
    await handle.write(filled(8, 4), 0)
    await expect(handle.write(filled(5, 5), 6)).rejects.toMatchObject(full)
    expect(await memory.readFile('a')).toEqual(new Uint8Array([...filled(6, 4), ...filled(4, 5)]))
    faulty.limitFreeBytes(1)
    await handle.write(filled(5, 6), 6)
    expect((await memory.readFile('a'))?.length).toBe(11)
  })

  test('gives the bytes of a file back when its last name goes', async () => {
    const faulty = new FaultyFs(new MemoryFs())
    const put = async (path: string, length: number): Promise<void> => {
      const handle = await faulty.fs.create(path, { exclusive: true })
      await handle.write(filled(length, 1), 0)
    }
    faulty.limitFreeBytes(10)
    await put('a', 6)
    await faulty.fs.link('a', 'b')
    await faulty.fs.remove('a')
    await expect(put('c', 5)).rejects.toMatchObject({ code: 'DISK_FULL' })
    await faulty.fs.rename('b', 'c')
    await put('d', 4)
    await faulty.fs.remove('c')
    await put('e', 6)
    await expect(put('f', 1)).rejects.toMatchObject({ code: 'DISK_FULL' })
  })
})
