import { MemoryFs } from '../src/index.ts'
import { fileSystemSuite } from '../src/suite.ts'
import { expect, test } from 'vitest'

fileSystemSuite('MemoryFs', () => new MemoryFs())

fileSystemSuite('MemoryFs found after a crash', () => new MemoryFs().crash('drop'))

test('files go in and come out by path, as copies', async () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const fs = MemoryFs.from([
    ['a', bytes],
    ['x/y/b', Uint8Array.of(4)],
  ])
  bytes[0] = 9
  const files = fs.snapshotFiles()
  expect(files).toEqual(
    new Map([
      ['a', Uint8Array.of(1, 2, 3)],
      ['x/y/b', Uint8Array.of(4)],
    ]),
  )
  files.get('a')?.fill(0)
  expect(await fs.readFile('a')).toEqual(Uint8Array.of(1, 2, 3))
  expect(MemoryFs.from(fs.snapshotFiles()).snapshotFiles()).toEqual(fs.snapshotFiles())
})

test('files that were handed in are durable, names and directories included', () => {
  const fs = MemoryFs.from([['x/y/b', Uint8Array.of(4)]])
  expect(fs.crash('drop').snapshotFiles()).toEqual(new Map([['x/y/b', Uint8Array.of(4)]]))
})

test('a directory stands in the way of a file, and a file in that of a directory', async () => {
  const fs = MemoryFs.from([['x/a', Uint8Array.of(1)]])
  const calls = [
    () => fs.open('x'),
    () => fs.readFile('x'),
    () => fs.create('x', { exclusive: false }),
    () => fs.create('x/a/b', { exclusive: true }),
    () => fs.create('none/b', { exclusive: true }),
    () => fs.link('x', 'y'),
    () => fs.rename('x/a', 'x'),
    () => fs.remove('x'),
    () => fs.removeDirectory('x/a'),
    () => fs.makeDirectory('x/a/b'),
    () => fs.syncDirectory('x/a'),
    () => fs.syncDirectory('none'),
  ]
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'IO' })
  expect(fs.snapshotFiles().size).toBe(1)
})

test('bytes that change before a write is done are written as they became', async () => {
  const fs = new MemoryFs()
  const handle = await fs.create('a', { exclusive: true })
  const bytes = Uint8Array.of(1, 2, 3)
  const written = handle.write(bytes, 0)
  bytes.fill(9)
  await written
  expect(await fs.readFile('a')).toEqual(Uint8Array.of(9, 9, 9))
})

test('a rename between two names of one file changes nothing, as POSIX has it', async () => {
  const fs = MemoryFs.from([['a', Uint8Array.of(1)]])
  await fs.link('a', 'b')
  await fs.rename('a', 'b')
  expect((await fs.list('')).toSorted()).toEqual(['a', 'b'])
})

test('a removed file lives on in its open handles', async () => {
  const fs = MemoryFs.from([['a', Uint8Array.of(1, 2)]])
  const handle = fs.openSync('a')
  await fs.remove('a')
  const into = new Uint8Array(2)
  expect(await handle.read(into, 0)).toBe(2)
  expect(into).toEqual(Uint8Array.of(1, 2))
})
