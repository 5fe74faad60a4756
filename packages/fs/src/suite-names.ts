import { expect, test } from 'vitest'
import { isExists } from './io-error.ts'
import {
  expectFailure,
  expectSame,
  failure,
  pattern,
  put,
  type MakeFileSystem,
} from './suite-expectations.ts'

/** What is there, and what is not. */
export function listingSuite(make: MakeFileSystem): void {
  test('what is absent is undefined, or empty, or already gone', async () => {
    const fs = await make()
    expect(await fs.readFile('a')).toBeUndefined()
    expect(await fs.size('a')).toBeUndefined()
    expect(await fs.readFile('no/such/a')).toBeUndefined()
    expect(await fs.size('no/such/a')).toBeUndefined()
    expect(await fs.list('no/such')).toEqual([])
    expect(fs.listSync('no/such')).toEqual([])
    await fs.remove('a')
    await fs.remove('no/such/a')
    await fs.removeDirectory('no')
    expect(await fs.list('')).toEqual([])
  })

  test('below a file there is nothing', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(10))
    expect(await fs.readFile('a/b')).toBeUndefined()
    expect(await fs.size('a/b')).toBeUndefined()
    expect(await fs.list('a')).toEqual([])
    expect(fs.listSync('a')).toEqual([])
    await fs.remove('a/b')
    await fs.removeDirectory('a/b')
    expectSame(await fs.readFile('a'), pattern(10))
  })

  test('a listing names files and directories, once each, without their path', async () => {
    const fs = await make()
    await fs.makeDirectory('x/y')
    await fs.makeDirectory('x/y')
    await put(fs, 'x/y/a', pattern(1))
    await put(fs, 'x/b', pattern(2))
    await put(fs, 'c', pattern(3))
    const listings: [string, string[]][] = [
      ['', ['c', 'x']],
      ['x', ['b', 'y']],
      ['x/y', ['a']],
    ]
    for (const [path, names] of listings) {
      expect((await fs.list(path)).toSorted()).toEqual(names)
      expect(fs.listSync(path).toSorted()).toEqual(names)
    }
    expect([await fs.size('x/y/a'), await fs.size('x/b'), await fs.size('c')]).toEqual([1, 2, 3])
    expect(await fs.size('x')).toBeUndefined()
    await fs.syncDirectory('')
    await fs.syncDirectory('x/y')
  })

  test('only an empty directory is removed', async () => {
    const fs = await make()
    await fs.makeDirectory('x/y')
    await put(fs, 'x/y/a', pattern(1))
    await fs.removeDirectory('x/y')
    await fs.removeDirectory('x')
    expectSame(await fs.readFile('x/y/a'), pattern(1))
    await fs.remove('x/y/a')
    await fs.removeDirectory('x/y')
    await fs.removeDirectory('x')
    expect(await fs.list('')).toEqual([])
  })
}

/** Giving a name to a file, and taking it away. */
export function namingSuite(make: MakeFileSystem): void {
  test('a name is taken once, or emptied and written anew', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(100))
    expect(await failure(() => fs.create('a', { exclusive: true }))).toSatisfy(isExists)
    expect(await failure(() => fs.createSync('a', { exclusive: true }))).toSatisfy(isExists)
    expectSame(await fs.readFile('a'), pattern(100))
    const handle = await fs.create('a', { exclusive: false })
    await handle.write(Uint8Array.of(1), 0)
    await handle.close()
    expectSame(await fs.readFile('a'), Uint8Array.of(1))
    const again = fs.createSync('a', { exclusive: false })
    again.closeSync()
    expect(await fs.size('a')).toBe(0)
  })

  test('a link is a second name, and no name is linked over', async () => {
    const fs = await make()
    await fs.makeDirectory('x')
    await put(fs, 'a', pattern(10))
    await put(fs, 'b', pattern(20))
    await fs.link('a', 'x/c')
    expect(await failure(() => fs.link('a', 'b'))).toSatisfy(isExists)
    expect(await failure(() => fs.link('a', 'a'))).toSatisfy(isExists)
    await fs.remove('a')
    expect(await fs.readFile('a')).toBeUndefined()
    expectSame(await fs.readFile('x/c'), pattern(10))
    expectSame(await fs.readFile('b'), pattern(20))
    await expectFailure(() => fs.link('a', 'd'), 'IO', 'a')
    expect(await fs.size('d')).toBeUndefined()
  })

  test('a rename replaces what was there', async () => {
    const fs = await make()
    await fs.makeDirectory('x')
    await put(fs, 'a', pattern(10))
    await put(fs, 'b', pattern(20))
    await fs.rename('a', 'b')
    expect((await fs.list('')).toSorted()).toEqual(['b', 'x'])
    await fs.rename('b', 'x/c')
    await fs.rename('x/c', 'x/c')
    expect(await fs.list('')).toEqual(['x'])
    expectSame(await fs.readFile('x/c'), pattern(10))
    await expectFailure(() => fs.rename('a', 'x/c'), 'IO', 'a')
    expectSame(await fs.readFile('x/c'), pattern(10))
  })
}

/** What is refused, and how a failure reads. */
export function refusalsSuite(make: MakeFileSystem): void {
  test('a path that leaves the root, or has a second spelling, is refused', async () => {
    const fs = await make()
    const wrong = [
      '/a',
      '../a',
      'x/../a',
      'x/..',
      './a',
      'x/./a',
      'x//a',
      'a/',
      '.',
      '..',
      'x\\a',
      'C:a',
      'a\0',
    ]
    for (const path of wrong) {
      const calls = [
        () => fs.open(path),
        () => fs.openSync(path),
        () => fs.create(path, { exclusive: false }),
        () => fs.createSync(path, { exclusive: false }),
        () => fs.readFile(path),
        () => fs.list(path),
        () => fs.listSync(path),
        () => fs.size(path),
        () => fs.makeDirectory(path),
        () => fs.link(path, 'b'),
        () => fs.link('b', path),
        () => fs.rename(path, 'b'),
        () => fs.rename('b', path),
        () => fs.remove(path),
        () => fs.removeDirectory(path),
        () => fs.syncDirectory(path),
      ]
      for (const call of calls)
        expect(await failure(call), `${path}: ${String(call)}`).toBeInstanceOf(TypeError)
    }
    expect(await failure(() => fs.create('', { exclusive: true }))).toBeInstanceOf(TypeError)
  })

  test('a failure names the path and keeps its cause', async () => {
    const fs = await make()
    await expectFailure(() => fs.open('missing'), 'IO', 'missing')
    await expectFailure(() => fs.openSync('missing'), 'IO', 'missing')
    expect(await failure(() => fs.open('missing'))).toHaveProperty('cause')
    expect(isExists(await failure(() => fs.open('missing')))).toBe(false)
  })
}
