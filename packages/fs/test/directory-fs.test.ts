import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  copyFile,
  DirectoryFs,
  linkBetween,
  MemoryFs,
  nodeEnvironment,
  NodeFs,
  writeDurably,
} from '../src/index.ts'
import { sha256 } from '../src/sha256.ts'
import { fileSystemSuite } from '../src/suite.ts'
import { expectSame, pattern } from '../src/suite-expectations.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meru-directory-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const env = nodeEnvironment()

async function directory(fs: MemoryFs, path: string): Promise<DirectoryFs> {
  const made = new DirectoryFs(fs, path)
  await made.makeDirectory('')
  return made
}

fileSystemSuite('DirectoryFs', () => directory(new MemoryFs(), 'some/where'))

test('a directory in a directory is one of the whole', async () => {
  const fs = new MemoryFs()
  const inner = new DirectoryFs(await directory(fs, 'a/b'), 'c')
  expect(inner.root).toBe('memory:/files/a/b/c')
  expect([inner.whole, inner.pathOf('x')]).toEqual([fs, 'a/b/c/x'])
})

test('a directory that was made survives a power failure', async () => {
  const fs = new MemoryFs()
  const inner = await directory(fs, 'a/b/c')
  await writeDurably(inner, 'x', pattern(10))
  await inner.syncDirectory('')
  expectSame(await fs.crash('drop').readFile('a/b/c/x'), pattern(10))
})

test('a link goes from one directory to another of the same file system, and to no other', async () => {
  const fs = new MemoryFs()
  const [from, to] = [await directory(fs, 'from'), await directory(fs, 'to')]
  await writeDurably(from, 'x', pattern(10))
  expect(await linkBetween({ fs: from, path: 'x' }, { fs: to, path: 'y' })).toBe(true)
  expectSame(await fs.readFile('to/y'), pattern(10))
  await expect(linkBetween({ fs: from, path: 'x' }, { fs: to, path: 'y' })).rejects.toThrow(/EEXIST/)
  expect(await linkBetween({ fs: from, path: 'x' }, { fs: new MemoryFs(), path: 'y' })).toBe(false)
  const disk = new NodeFs(scratch)
  await writeDurably(disk, 'x', pattern(10))
  const sub = new DirectoryFs(disk, 'sub')
  await sub.makeDirectory('')
  expect(await linkBetween({ fs: disk, path: 'x' }, { fs: sub, path: 'y' })).toBe(true)
  expectSame(await disk.readFile('sub/y'), pattern(10))
})

test('a copy is checked on the way, and what does not fit leaves nothing', async () => {
  const fs = new MemoryFs()
  const bytes = pattern(3_000_000)
  await writeDurably(fs, 'x', bytes)
  const hash = sha256().update(bytes).digestHex()
  const handle = await fs.open('x')
  let copied = 0
  const onBytes = (count: number): void => void (copied += count)
  await copyFile(handle, { fs, path: 'y' }, { env, bytes: bytes.length, hash, onBytes })
  expectSame(await fs.readFile('y'), bytes)
  expect(copied).toBe(bytes.length)
  for (const wrong of [{ bytes: 10 }, { hash: hash.replaceAll('a', 'b') }]) {
    const copy = copyFile(handle, { fs, path: 'z' }, { env, ...wrong })
    await expect(copy).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('x') })
  }
  const aborted = copyFile(handle, { fs, path: 'z' }, { env, signal: AbortSignal.abort() })
  await expect(aborted).rejects.toThrow(/aborted/)
  expect((await fs.list('')).toSorted()).toEqual(['x', 'y'])
})
