import { expect, test } from 'vitest'
import {
  CRASH_MODES,
  createIfAbsent,
  MemoryFs,
  nodeEnvironment,
  type CrashMode,
  type Environment,
  type FileSystem,
  type WriteHandle,
} from '../src/index.ts'
import { randomFrom } from './random.ts'

const bytes = Uint8Array.from({ length: 1300 }, (_, i) => i % 251)
const random = randomFrom(1)
const env = nodeEnvironment()

/** Calls back before every call of the port that `createIfAbsent` makes, with its name. */
function watched(fs: FileSystem, before: (call: string) => void): FileSystem {
  const watch = <T extends object>(target: T, prefix: string): T =>
    new Proxy(target, {
      get(object, key) {
        const member: unknown = Reflect.get(object, key)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          before(prefix + String(key))
          const result: unknown = await Reflect.apply(member, object, args)
          return key === 'create' ? watch(result as WriteHandle, 'handle.') : result
        }
      },
    })
  return watch(fs, '')
}

async function prepared(): Promise<MemoryFs> {
  const fs = new MemoryFs()
  await fs.makeDirectory('x')
  await fs.syncDirectory('')
  return fs
}

test('the calls come in the order that makes the file whole and durable', async () => {
  const calls: string[] = []
  const fs = watched(await prepared(), (call) => calls.push(call))
  expect(await createIfAbsent(fs, env, 'x/1', bytes)).toBe(true)
  expect(calls.join(' ')).toBe('create handle.write handle.sync handle.close link remove syncDirectory')
  calls.length = 0
  expect(await createIfAbsent(fs, env, 'x/1', bytes)).toBe(false)
  expect(calls.join(' ')).toBe('create handle.write handle.sync handle.close link remove')
})

test('a crash at any call leaves the whole file or none, and none is lost once made', async () => {
  const memory = await prepared()
  const images: [call: string, mode: CrashMode, image: MemoryFs][] = []
  const keep = (call: string): void => {
    for (const mode of CRASH_MODES) {
      for (let i = 0; i < 20; i++) images.push([call, mode, memory.crashImage(mode, random)])
    }
  }
  expect(await createIfAbsent(watched(memory, keep), env, 'x/1', bytes)).toBe(true)
  const found = async (): Promise<Set<string>> => {
    const outcomes = new Set<string>()
    for (const [call, mode, image] of images) {
      const bytesFound = await image.readFile('x/1')
      const isWhole = bytesFound !== undefined && Buffer.compare(bytesFound, bytes) === 0
      outcomes.add(
        bytesFound === undefined ? 'absent' : isWhole ? 'whole' : `${mode} before ${call}: damaged`,
      )
    }
    return outcomes
  }
  expect(await found()).toEqual(new Set(['absent', 'whole']))
  images.length = 0
  keep('end')
  expect(await found()).toEqual(new Set(['whole']))
  for (const [, , image] of images) expect(image.listSync('x')).toEqual(['1'])
})

test('a failure at any call is told, and leaves the whole file or none and no temporary one', async () => {
  for (const failing of ['create', 'handle.write', 'handle.sync', 'link', 'syncDirectory']) {
    const memory = await prepared()
    const fs = watched(memory, (call) => {
      if (call === failing) throw new Error(`no ${call}`)
    })
    await expect(createIfAbsent(fs, env, 'x/1', bytes)).rejects.toThrow(`no ${failing}`)
    expect(await memory.list('x')).toEqual(failing === 'syncDirectory' ? ['1'] : [])
  }
})

test('a taken temporary name is a failure, and not taken for the name', async () => {
  const fs = MemoryFs.from([['x/1.same.tmp', Uint8Array.of(1)]])
  const sameEnv: Environment = { ...env, uuid: () => 'same' }
  await expect(createIfAbsent(fs, sameEnv, 'x/1', bytes)).rejects.toMatchObject({ code: 'IO' })
  expect(await fs.readFile('x/1.same.tmp')).toEqual(Uint8Array.of(1))
})
