import { expect, test } from 'vitest'
import type { FileSystem } from './file-system.ts'
import { isExists } from './io-error.ts'
import {
  expectFailure,
  expectSame,
  failure,
  pattern,
  put,
  type MakeFileSystem,
} from './suite-expectations.ts'

const RANDOM_STEPS = 120
const NAMES = ['a', 'b', 'x/a', 'x/y z', 'x/y/ä&<>']

/** Files that appear whole. */
export function objectsSuite(make: MakeFileSystem): void {
  appearingSuite(make)
  rangesSuite(make)
  namesSuite(make)
  test('random calls agree with a map of files', async () => {
    const fs = await make()
    for (let seed = 1; seed <= 3; seed++) expect(await randomObjects(fs, seed)).toEqual([])
  })
}

function appearingSuite(make: MakeFileSystem): void {
  test('a file appears when it is synced, with all its bytes, and not before', async () => {
    const fs = await make()
    expect(fs.wholeFiles).toBe(true)
    const handle = await fs.create('x/a', { exclusive: true })
    await handle.write(pattern(1000), 0)
    expect(await fs.size('x/a')).toBeUndefined()
    await handle.sync()
    expectSame(await fs.readFile('x/a'), pattern(1000))
    await handle.write(Uint8Array.of(1, 2), 1000)
    await handle.sync()
    await handle.close()
    expect(await fs.size('x/a')).toBe(1002)
    const given = await fs.create('b', { exclusive: true })
    await given.write(pattern(10), 0)
    await given.close()
    expect(await fs.size('b')).toBeUndefined()
    await expectFailure(() => given.write(pattern(1), 0), 'CLOSED', 'b')
    await expectFailure(() => given.sync(), 'CLOSED', 'b')
  })

  test('positions need not be in order, and a gap reads as zeros', async () => {
    const fs = await make()
    const handle = await fs.create('a', { exclusive: true })
    await handle.write(Uint8Array.of(5, 6), 1000)
    await handle.write(Uint8Array.of(1, 2, 3), 0)
    await handle.write(new Uint8Array(0), 5000)
    await handle.sync()
    await handle.close()
    const expected = new Uint8Array(1002)
    expected.set([1, 2, 3])
    expected.set([5, 6], 1000)
    expectSame(await fs.readFile('a'), expected)
    await put(fs, 'empty', new Uint8Array(0))
    expect(await fs.size('empty')).toBe(0)
    expectSame(await fs.readFile('empty'), new Uint8Array(0))
  })
}

function rangesSuite(make: MakeFileSystem): void {
  test('any range is read, short at the end', async () => {
    const fs = await make()
    const bytes = pattern(300_001)
    await put(fs, 'a', bytes)
    const handle = await fs.open('a')
    expect([handle.path, handle.size]).toEqual(['a', bytes.length])
    for (const [offset, length, count] of [
      [0, 10, 10],
      [511, 2, 2],
      [299_990, 64, 11],
      [300_001, 5, 0],
      [900_000, 5, 0],
      [0, 400_000, 300_001],
    ]) {
      const into = new Uint8Array(length)
      expect(await handle.read(into, offset)).toBe(count)
      expectSame(into.subarray(0, count), bytes.subarray(offset, offset + count))
    }
    await handle.close()
    await expectFailure(() => handle.read(new Uint8Array(1), 0), 'CLOSED', 'a')
  })

  test('a handle never mixes two files of one name', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(100))
    const handle = await fs.open('a')
    const replaced = await fs.create('a', { exclusive: false })
    await replaced.write(pattern(200).subarray(50), 0)
    await replaced.sync()
    await replaced.close()
    await expectFailure(() => handle.read(new Uint8Array(10), 0), 'IO', 'a')
    await handle.close()
  })
}

function namesSuite(make: MakeFileSystem): void {
  test('a name is taken once, or replaced, or given by a link', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(10))
    expect(await failure(() => put(fs, 'a', pattern(20)))).toSatisfy(isExists)
    expectSame(await fs.readFile('a'), pattern(10))
    await put(fs, 'b', pattern(20))
    await fs.link('a', 'x/c')
    expect(await failure(() => fs.link('a', 'b'))).toSatisfy(isExists)
    await fs.rename('a', 'b')
    await fs.rename('b', 'b')
    expect((await fs.list('')).toSorted()).toEqual(['b', 'x'])
    expectSame(await fs.readFile('b'), pattern(10))
    await expectFailure(() => fs.link('a', 'd'), 'IO', 'a')
    await expectFailure(() => fs.rename('a', 'd'), 'IO', 'a')
    await expectFailure(() => fs.open('a'), 'IO', 'a')
    expect(await fs.readFile('a')).toBeUndefined()
    await fs.remove('a')
  })

  test('what needs no waiting elsewhere is refused', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(10))
    const handle = await fs.open('a')
    const writer = await fs.create('b', { exclusive: true })
    const calls = [
      () => fs.openSync('a'),
      () => fs.createSync('b', { exclusive: true }),
      () => handle.readSync(new Uint8Array(1), 0),
      () => writer.writeSync(new Uint8Array(1), 0),
      () => writer.syncSync(),
    ]
    for (const call of calls) expect(await failure(call)).toHaveProperty('code', 'UNSUPPORTED')
    expect(await failure(() => fs.listSync(''))).toHaveProperty('code', 'UNSUPPORTED')
    for (const path of ['/a', '../a', 'x//a', 'a/', 'x\\a', '']) {
      const wrong = [
        () => fs.open(path),
        () => fs.create(path, { exclusive: false }),
        () => fs.readFile(path),
        () => fs.size(path),
        () => fs.link('a', path),
        () => fs.rename('a', path),
        () => fs.remove(path),
      ]
      for (const call of wrong)
        expect(await failure(call), `${path}: ${String(call)}`).toBeInstanceOf(TypeError)
    }
    writer.closeSync()
  })
}

/** Random calls against a map of files; returns where the two disagree, which should be nowhere. */
async function randomObjects(fs: FileSystem, seed: number): Promise<string[]> {
  let state = seed
  const below = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
  const files = new Map<string, Uint8Array>()
  const disagreements: string[] = []
  for (const name of NAMES) await fs.remove(name)
  for (let step = 0; step < RANDOM_STEPS; step++) {
    const [from, to] = [NAMES[below(NAMES.length)], NAMES[below(NAMES.length)]]
    const choice = below(5)
    if (choice === 0) {
      const bytes = pattern(below(2000))
      const handle = await fs.create(from, { exclusive: false })
      await handle.write(bytes, 0)
      await handle.sync()
      await handle.close()
      files.set(from, bytes)
    } else if (choice === 1) {
      await fs.remove(from)
      files.delete(from)
    } else if (choice === 2 && files.has(from) && !files.has(to)) {
      await fs.link(from, to)
      files.set(to, files.get(from) as Uint8Array)
    } else if (choice === 3 && files.has(from) && from !== to) {
      await fs.rename(from, to)
      files.set(to, files.get(from) as Uint8Array)
      files.delete(from)
    } else {
      const names = [...files.keys()]
      const top = names.map((name) => name.split('/')[0])
      const inX = names.filter((name) => name.startsWith('x/')).map((name) => name.split('/')[1])
      const found = [await fs.size(to), sortedSet(await fs.list('')), sortedSet(await fs.list('x'))]
      const expected = [files.get(to)?.length, sortedSet(top), sortedSet(inX)]
      if (JSON.stringify(found) !== JSON.stringify(expected))
        disagreements.push(`step ${step}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`)
    }
  }
  return disagreements
}

function sortedSet(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted()
}
