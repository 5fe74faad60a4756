import { describe, expect, test } from 'vitest'
import { createIfAbsent } from './create-if-absent.ts'
import { nodeEnvironment } from './node-environment.ts'
import { handlesSuite, readingSuite, writingSuite } from './suite-bytes.ts'
import { expectSame, pattern, type MakeFileSystem } from './suite-expectations.ts'
import { listingSuite, namingSuite, refusalsSuite } from './suite-names.ts'
import { objectsSuite } from './suite-objects.ts'
import { randomScript } from './suite-random.ts'

export type { MakeFileSystem } from './suite-expectations.ts'

const PARTS = [
  readingSuite,
  writingSuite,
  handlesSuite,
  listingSuite,
  namingSuite,
  refusalsSuite,
  createIfAbsentSuite,
]

/** What every implementation of the port must do. Call it in a test file, at the top level. */
export function fileSystemSuite(name: string, make: MakeFileSystem): void {
  describe(`${name} as a file system`, () => {
    for (const part of PARTS) part(make)
    for (let seed = 1; seed <= 10; seed++) {
      test(`agrees with a map of files, seed ${seed}`, async () => {
        expect(await randomScript(await make(), seed)).toEqual([])
      })
    }
  })
}

/**
 * What an implementation must do where files appear whole (`FileSystem.wholeFiles`) and nothing can be done without
 * waiting, as in an object store.
 */
export function objectStoreSuite(name: string, make: MakeFileSystem): void {
  describe(`${name} as an object store`, () => {
    objectsSuite(make)
    createIfAbsentSuite(make)
  })
}

function createIfAbsentSuite(make: MakeFileSystem): void {
  test('of several who create a file one wins, and the file is whole', async () => {
    const fs = await make()
    const env = nodeEnvironment()
    await fs.makeDirectory('x')
    const offers = Array.from({ length: 8 }, (_, i) => new Uint8Array(1000 + i).fill(i))
    const won = await Promise.all(offers.map((bytes) => createIfAbsent(fs, env, 'x/1', bytes)))
    expect(won.filter(Boolean)).toHaveLength(1)
    expectSame(await fs.readFile('x/1'), offers[won.indexOf(true)])
    expect(await fs.list('x')).toEqual(['1'])
    expect(await createIfAbsent(fs, env, 'x/1', pattern(3))).toBe(false)
    expectSame(await fs.readFile('x/1'), offers[won.indexOf(true)])
    expect(await createIfAbsent(fs, env, '2', new Uint8Array(0))).toBe(true)
    expect((await fs.list('')).toSorted()).toEqual(['2', 'x'])
  })
}
