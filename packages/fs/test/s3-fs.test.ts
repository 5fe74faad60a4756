import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createIfAbsent,
  nodeEnvironment,
  replaceDurably,
  writeDurably,
  type Environment,
} from '../src/index.ts'
import { S3Fs, type S3Credentials } from '../src/s3-fs.ts'
import { S3TestServer, type S3Fault, type S3ServerRequest } from '../src/s3-server.ts'
import { objectStoreSuite } from '../src/suite.ts'
import { expectSame, pattern } from '../src/suite-expectations.ts'

const PART_BYTES = 1100
/** Waits for nothing, so that retries take no time; time-outs never come. */
const env: Environment = {
  ...nodeEnvironment(),
  after: (milliseconds, task) => {
    if (milliseconds > 10_000) return () => undefined
    const soon = setImmediate(task)
    return () => clearImmediate(soon)
  },
}

let server: S3TestServer
beforeEach(async () => {
  server = await S3TestServer.start()
})
afterEach(() => server.close())

const openFs = (): Promise<S3Fs> => S3Fs.open(server.options('some/prefix'), { env, partBytes: PART_BYTES })

objectStoreSuite('S3Fs', openFs)

test('objects lie below the prefix, and the root is their URI', async () => {
  const fs = await openFs()
  expect(fs.root).toBe('s3://bucket/some/prefix')
  await writeDurably(fs, 'x/a', pattern(10))
  expect([...server.objects.keys()]).toEqual(['some/prefix/x/a'])
  const whole = await S3Fs.open(server.options(), { env })
  expect(whole.root).toBe('s3://bucket')
  expect(await whole.list('some/prefix')).toEqual(['x'])
})

test('a wrong secret is refused, once', async () => {
  const options = { ...server.options(), credentials: { accessKeyId: 'key id', secretAccessKey: 'wrong' } }
  await expect(S3Fs.open(options, { env })).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringMatching(/403 \(SignatureDoesNotMatch: SignatureDoesNotMatch & no more\)/),
  })
})

test('credentials may come from a function, with a session token', async () => {
  const { credentials, ...rest } = server.options()
  if (typeof credentials === 'function') throw new TypeError('a plain secret expected')
  let asked = 0
  const fresh = (): S3Credentials => {
    asked++
    return { ...credentials, sessionToken: 'token' }
  }
  const fs = await S3Fs.open({ ...rest, credentials: fresh }, { env })
  let token: unknown
  server.fault = (request) => void (token = request.headers['x-amz-security-token'])
  await writeDurably(fs, 'a', pattern(10))
  expect(token).toBe('token')
  expect(asked).toBeGreaterThan(1)
})

describe('the probe', () => {
  test('refuses a store that takes no notice of conditions, and leaves nothing behind', async () => {
    server.honoursConditions = false
    await expect(openFs()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(
        /does not honour "If-None-Match: \*" \(of 4 .* 4 succeeded.* later one too/,
      ),
    })
    expect(server.objects.size).toBe(0)
  })

  test('leaves nothing behind where all is well', async () => {
    await openFs()
    expect(server.objects.size).toBe(0)
  })
})

describe('large files', () => {
  test('go out in parts while they are written, the first at the end', async () => {
    const fs = await openFs()
    const bytes = pattern(10 * PART_BYTES + 7)
    const handle = await fs.create('a', { exclusive: true })
    const before = server.requests
    for (let offset = 0; offset < bytes.length; offset += 300)
      await handle.write(bytes.subarray(offset, offset + 300), offset)
    expect(server.requests - before).toBeGreaterThan(8)
    await handle.write(Uint8Array.of(77, 78), 0)
    bytes.set([77, 78])
    await expect(handle.write(Uint8Array.of(1), 3 * PART_BYTES)).rejects.toMatchObject({ code: 'IO' })
    expect(await fs.size('a')).toBeUndefined()
    await handle.sync()
    await handle.close()
    expectSame(await fs.readFile('a'), bytes)
    expect(server.unfinishedUploads).toBe(0)
    await expect(writeDurably(fs, 'a', bytes)).rejects.toMatchObject({
      message: expect.stringContaining('EEXIST'),
    })
    expect(server.unfinishedUploads).toBe(0)
  })

  test('are given up when they are closed before the sync', async () => {
    const fs = await openFs()
    const handle = await fs.create('a', { exclusive: true })
    await handle.write(pattern(5 * PART_BYTES), 0)
    expect(server.unfinishedUploads).toBe(1)
    await handle.close()
    expect(server.unfinishedUploads).toBe(0)
    expect(await fs.size('a')).toBeUndefined()
  })
})

const FAULTS: readonly S3Fault[] = [
  { effect: false, answer: 503 },
  { effect: true, answer: 500 },
  { effect: false, answer: 429 },
  { effect: false, answer: 'lose' },
  { effect: true, answer: 'lose' },
  { effect: true, answer: 'cut' },
]

/** Whatever becomes of single requests. */
describe.each(FAULTS)('with effect $effect and answer $answer', (fault) => {
  const script = async (fs: S3Fs): Promise<unknown[]> => {
    const bytes = pattern(3 * PART_BYTES + 1)
    const seen: unknown[] = [
      await createIfAbsent(fs, env, 'x/1', pattern(100)),
      await createIfAbsent(fs, env, 'x/1', pattern(100)),
      await createIfAbsent(fs, env, 'x/large', bytes),
      await createIfAbsent(fs, env, 'x/large', bytes),
    ]
    await replaceDurably(fs, env, 'hint', Uint8Array.of(1))
    await replaceDurably(fs, env, 'hint', Uint8Array.of(2))
    await fs.rename('hint', 'y/hint')
    seen.push(await fs.list('x'), await fs.list(''), await fs.readFile('y/hint'), await fs.readFile('x/1'))
    const handle = await fs.open('x/large')
    const into = new Uint8Array(bytes.length)
    seen.push(await handle.read(into, 0), into)
    await fs.remove('x/1')
    seen.push(await fs.size('x/1'))
    return seen
  }

  test('one request that goes wrong is made up for, whichever it is', async () => {
    const expected = await script(await openFs())
    for (let at = 1; ; at++) {
      server.objects.clear()
      const fs = await openFs()
      const first = server.requests + 1
      let isReached = false
      server.fault = ({ number }: S3ServerRequest) => {
        if (number !== first + at) return undefined
        isReached = true
        return fault
      }
      expect(await script(fs)).toEqual(expected)
      server.fault = () => undefined
      if (!isReached) break
      expect(at).toBeLessThan(100)
    }
  })
})

test('a store that stays unavailable is an error that says so', async () => {
  const fs = await openFs()
  server.fault = () => ({ effect: false, answer: 503 })
  const before = server.requests
  await expect(writeDurably(fs, 'a', pattern(10))).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('PUT s3://bucket/some/prefix/a: the store answered 503 (Planned'),
  })
  expect(server.requests - before).toBe(6)
})

test('of two who create under lost answers exactly one wins', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const fs = await openFs()
    let number = seed
    server.fault = () => (number++ % 3 === 0 ? { effect: number % 2 === 0, answer: 'lose' } : undefined)
    const bytes = pattern(50)
    // The same bytes from both: only the mark of the creation tells them apart.
    const won = await Promise.all([
      createIfAbsent(fs, env, `n${seed}`, bytes),
      createIfAbsent(fs, env, `n${seed}`, bytes),
    ])
    server.fault = () => undefined
    expect(won.filter(Boolean)).toHaveLength(1)
  }
})
