import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { isExists, NodeFs } from '../src/index.ts'
import { fileSystemSuite } from '../src/suite.ts'
import { afterAll, expect, test } from 'vitest'
import { copyExclusive } from '../src/copy-exclusive.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meru-fs-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let made = 0

async function freshFs(): Promise<NodeFs> {
  const fs = new NodeFs(join(scratch, `root-${made++}`))
  await fs.makeDirectory('')
  return fs
}

fileSystemSuite('NodeFs', freshFs)

test('the root is absolute, and is made with the directories above it', async () => {
  const root = join(scratch, 'not', 'yet', 'there')
  const fs = new NodeFs(relative(process.cwd(), root))
  expect(fs.root).toBe(root)
  await fs.makeDirectory('x/y')
  expect(statSync(join(root, 'x', 'y')).isDirectory()).toBe(true)
  expect(new NodeFs(`${root}/`).root).toBe(root)
})

test('a directory is no file', async () => {
  const fs = await freshFs()
  await fs.makeDirectory('x')
  await expect(fs.open('x')).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringMatching(/open x: EISDIR/),
  })
  expect(() => fs.openSync('x')).toThrow(/open x: .*EISDIR/)
  await expect(fs.readFile('x')).rejects.toMatchObject({ code: 'IO' })
  await expect(fs.remove('x')).rejects.toMatchObject({ code: 'IO' })
})

test('a missing directory cannot be synced', async () => {
  const fs = await freshFs()
  await expect(fs.syncDirectory('x')).rejects.toMatchObject({ code: 'IO' })
})

test.skipIf(!existsSync('/dev/full'))(
  'a full disk is told from other failures (needs /dev/full)',
  async () => {
    const handle = await new NodeFs('/dev').create('full', { exclusive: false })
    const full = {
      code: 'DISK_FULL',
      message: expect.stringMatching(/^write full: no space left \(ENOSPC\)/),
    }
    await expect(handle.write(new Uint8Array(10), 0)).rejects.toMatchObject(full)
    expect(() => handle.writeSync(new Uint8Array(10), 0)).toThrow(expect.objectContaining(full))
    await handle.close()
  },
)

test.skipIf(process.platform === 'win32')(
  'too many open files is an IO error that says what to do',
  async () => {
    const script = `
    import { NodeFs } from '@meru/fs'
    const fs = new NodeFs(${JSON.stringify(import.meta.dirname)})
    const handles = []
    try {
      for (let i = 0; i < 100; i++) handles.push(fs.openSync('node-fs.test.ts'))
    } catch (error) {
      handles.forEach((handle) => handle.closeSync())
      console.log(error.code, error.message)
    }`
    const node = [process.execPath, '--conditions=@meru/source', '--input-type=module', '-e', script]
    const command = ['-c', 'ulimit -n 60; exec "$@"', 'sh', ...node]
    const { stdout } = await promisify(execFile)('sh', command, { cwd: resolve(import.meta.dirname, '..') })
    expect(stdout).toMatch(/^IO open node-fs\.test\.ts: EMFILE.*; raise the limit of open files/)
  },
)

test.skipIf(!existsSync('/proc/self/smaps'))(
  'a read goes on where the system answers in part (needs /proc)',
  async () => {
    const handle = await new NodeFs('/proc/self').open('smaps')
    // The system gives about a page at a time.
    const into = new Uint8Array(20_000)
    expect(await handle.read(into, 0)).toBe(20_000)
    expect(handle.readSync(into, 0)).toBe(20_000)
    await handle.close()
  },
)

const shared = '/dev/shm'
const hasTwoDevices = existsSync(shared) && statSync(shared).dev !== statSync(scratch).dev

test.skipIf(!hasTwoDevices)('a link across devices is an exclusive copy (needs /dev/shm)', async () => {
  const fs = new NodeFs('/')
  const there = mkdtempSync(join(shared, 'meru-fs-')).slice(1)
  const here = scratch.slice(1)
  try {
    const handle = await fs.create(`${there}/a`, { exclusive: true })
    await handle.write(Uint8Array.of(1, 2, 3), 0)
    await handle.close()
    await fs.link(`${there}/a`, `${here}/linked`)
    expect(await fs.readFile(`${here}/linked`)).toEqual(Uint8Array.of(1, 2, 3))
    await expect(fs.link(`${there}/a`, `${here}/linked`)).rejects.toSatisfy(isExists)
  } finally {
    rmSync(`/${there}`, { recursive: true })
  }
})

test('the copy that stands in for a link never replaces a file', async () => {
  const fs = await freshFs()
  for (const [path, byte] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    const handle = await fs.create(path, { exclusive: true })
    await handle.write(Uint8Array.of(byte), 0)
    await handle.close()
  }
  await copyExclusive(join(fs.root, 'a'), join(fs.root, 'c'))
  await expect(copyExclusive(join(fs.root, 'a'), join(fs.root, 'b'))).rejects.toSatisfy(isExists)
  await expect(copyExclusive(join(fs.root, 'none'), join(fs.root, 'd'))).rejects.toMatchObject({
    code: 'ENOENT',
  })
  expect(await fs.readFile('c')).toEqual(Uint8Array.of(1))
  expect(await fs.readFile('b')).toEqual(Uint8Array.of(2))
  expect((await fs.list('')).toSorted()).toEqual(['a', 'b', 'c'])
})
