import { MemoryFs } from '@meru/fs'
import { FaultyFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { listSegments, type Wal, type WalOptions } from '../src/index.ts'
import { codeOf, path, payloadOf, prefixLength, recover, recoverTexts, startLog, text } from './log.ts'

/** A log over a file system that counts. */
async function startCounted(
  options: Partial<WalOptions> = {},
): Promise<{ wal: Wal; faulty: FaultyFs; memory: MemoryFs }> {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  return { wal: await startLog(faulty.fs, options), faulty, memory }
}

describe('a commit', () => {
  test('makes all records appended before it durable', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('a'))
    wal.append(text('b'))
    await wal.commit({ sync: true })
    wal.append(text('c'))
    expect(await recoverTexts(fs.crash('drop'))).toEqual(['a', 'b'])
  })

  test('without sync hands them to the operating system', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('a'))
    await wal.commit({ sync: false })
    expect(await recoverTexts(fs.crashImage('drop'))).toEqual([])
    expect(await recoverTexts(fs.kill())).toEqual(['a'])
  })

  test('with sync also covers records that were committed without', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('a'))
    await wal.commit({ sync: false })
    await wal.commit({ sync: true })
    expect(await recoverTexts(fs.crash('drop'))).toEqual(['a'])
  })

  test('of nothing resolves', async () => {
    const wal = await startLog(new MemoryFs())
    await wal.commit({ sync: false })
    await wal.commit({ sync: true })
    expect(wal.position).toEqual({ epoch: 1, segment: 1, offset: 0 })
  })

  test('may keep the payload: it is copied', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    const payload = text('before')
    wal.append(payload)
    payload.fill(0x78)
    await wal.commit({ sync: true })
    expect(await recoverTexts(fs)).toEqual(['before'])
  })
})

describe('commits that wait together', () => {
  test('share one write, one sync and one promise', async () => {
    const { wal, faulty } = await startCounted()
    const before = faulty.calls
    const promises = Array.from({ length: 1000 }, (_, i) => {
      wal.append(payloadOf(i, 140))
      return wal.commit({ sync: true })
    })
    expect(new Set(promises).size).toBe(1)
    await Promise.all(promises)
    expect(faulty.calls - before).toBe(2)
  })

  test('are those that come while another group is being synced', async () => {
    const { wal, faulty } = await startCounted()
    wal.append(text('first'))
    const first = wal.commit({ sync: true })
    const later: Promise<void>[] = []
    faulty.inject((call) => {
      for (let i = 0; call.operation === 'sync' && later.length < 50; i++) {
        wal.append(payloadOf(i, 10))
        later.push(wal.commit({ sync: true }))
      }
      return undefined
    })
    const before = faulty.syncs
    await first
    expect(later).toHaveLength(50)
    expect(faulty.syncs - before).toBe(1)
    await Promise.all(later)
    expect(faulty.syncs - before).toBe(2)
  })

  test('come together again when they go on at the same time, some after others', async () => {
    const { wal, faulty } = await startCounted()
    const before = faulty.syncs
    const put = async (layers: number): Promise<void> => {
      if (layers > 0) return await put(layers - 1)
      wal.append(payloadOf(0, 100))
      await wal.commit({ sync: true })
    }
    const writer = async (_: unknown, number: number): Promise<void> => {
      for (let i = 0; i < 20; i++) await put(number % 5)
    }
    await Promise.all(Array.from({ length: 64 }, writer))
    expect(faulty.syncs - before).toBe(20)
  })

  test('need no sync if none of them asks for it', async () => {
    const { wal, faulty } = await startCounted()
    const before = faulty.syncs
    wal.append(text('a'))
    await Promise.all([wal.commit({ sync: false }), wal.commit({ sync: false })])
    expect(faulty.syncs - before).toBe(0)
    wal.append(text('b'))
    await Promise.all([wal.commit({ sync: false }), wal.commit({ sync: true })])
    expect(faulty.syncs - before).toBe(1)
  })

  test('wait for nobody without turns to gather: the bytes are handed over before the call returns', async () => {
    const { wal, faulty, memory } = await startCounted({ gatherTurns: 0 })
    wal.append(text('a'))
    const a = wal.commit({ sync: true })
    expect(faulty.syncs).toBe(3)
    wal.append(text('b'))
    const b = wal.commit({ sync: true })
    wal.append(text('c'))
    await Promise.all([a, b, wal.commit({ sync: false })])
    expect(faulty.syncs).toBe(4)
    expect(await recoverTexts(memory.crash('drop'))).toEqual(['a', 'b', 'c'])
  })

  test('a sync may be asked for while the group is still being written', async () => {
    const { wal, faulty, memory } = await startCounted({ segmentBytesMax: 1 << 22 })
    const asked: Promise<void>[] = []
    faulty.inject((call) => {
      if (call.operation === 'write' && asked.length === 0) asked.push(wal.commit({ sync: true }))
      return undefined
    })
    const payload = payloadOf(0, 1 << 20)
    wal.append(payload)
    await wal.commit({ sync: false })
    await Promise.all(asked)
    expect(asked).toHaveLength(1)
    expect((await recover(memory.crash('drop'))).payloads).toEqual([payload])
  })
})

test('records come back in order, whatever their lengths and groups', async () => {
  const random = new Random('round trip')
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: 1 << 20, preallocate: true })
  const written: Uint8Array[] = []
  for (let i = 0; i < 100_000; i++) {
    const length = random.oneIn(500) ? random.below(100_000) : random.below(120)
    written.push(payloadOf(i, length))
    wal.append(written[i])
    if (random.oneIn(50)) await wal.commit({ sync: random.oneIn(2) })
  }
  await wal.close()
  const { payloads, report } = await recover(fs)
  expect(prefixLength(written, payloads)).toBe(written.length)
  expect(report).toMatchObject({ records: 100_000, isClean: true, tornTails: [] })
  expect(report.segments).toBeGreaterThan(5)
})

describe('rotation', () => {
  test('parts the records before the call from those after', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('old'))
    const rotated = wal.rotate()
    expect(wal.append(text('new'))).toBe(2)
    const id = await rotated
    expect(id).toEqual({ epoch: 1, segment: 2 })
    await wal.commit({ sync: true })
    expect(await recoverTexts(fs, { ...id, offset: 0 })).toEqual(['new'])
    await wal.removeBefore(id)
    expect(await recoverTexts(fs.crash('drop'))).toEqual(['new'])
  })

  test('makes the records before it durable', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('old'))
    await wal.rotate()
    expect(wal.durableTo).toEqual({ epoch: 1, segment: 2, offset: 0 })
    expect(await recoverTexts(fs.crash('drop'))).toEqual(['old'])
  })

  test('leaves an empty segment as it is', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    expect(await wal.rotate()).toEqual({ epoch: 1, segment: 1 })
    wal.append(text('a'))
    const both = Promise.all([wal.rotate(), wal.rotate()])
    expect(await both).toEqual([
      { epoch: 1, segment: 2 },
      { epoch: 1, segment: 2 },
    ])
    expect(await wal.rotate()).toEqual({ epoch: 1, segment: 2 })
    expect(await fs.list('wal')).toHaveLength(2)
  })

  test('happens by itself before a record that does not fit', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 4096 })
    const segments: number[] = []
    for (let i = 0; i < 10; i++) {
      segments.push(wal.append(payloadOf(i, 1000)))
      await wal.commit({ sync: true })
    }
    expect(segments).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4])
    expect((await recover(fs.crashImage('drop'))).ends.map(({ segment }) => segment)).toEqual(segments)
    for (const segment of [1, 2, 3]) expect(await fs.size(path(segment))).toBeLessThanOrEqual(4096)
  })

  test('gives a record that fits nowhere a segment of its own', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 4096 })
    const written = [payloadOf(0, 10), payloadOf(1, 100_000), payloadOf(2, 10)]
    for (const [i, payload] of written.entries()) {
      expect(wal.append(payload)).toBe(i + 1)
      await wal.commit({ sync: true })
    }
    expect((await recover(fs.crash('drop'))).payloads).toEqual(written)
  })

  test('never parts a group', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 4096 })
    wal.append(text('first'))
    await wal.commit({ sync: true })
    const group = Array.from({ length: 20 }, (_, i) => payloadOf(i, 1000))
    expect(new Set(group.map((payload) => wal.append(payload)))).toEqual(new Set([1]))
    await wal.commit({ sync: true })
    expect(wal.append(text('last'))).toBe(2)
    await wal.close()
    expect((await recover(fs)).payloads).toEqual([text('first'), ...group, text('last')])
  })
})

describe('positions', () => {
  test('are where replay says that records end', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 40_000 })
    const positions = []
    for (let i = 0; i < 30; i++) {
      wal.append(payloadOf(i, i * 300))
      positions.push(wal.position)
      if (i % 3 === 0) await wal.commit({ sync: true })
    }
    await wal.close()
    const { ends, report } = await recover(fs)
    expect(ends).toEqual(positions)
    expect(report.end).toEqual(positions.at(-1))
  })

  test('the durable one follows the synced groups', async () => {
    const wal = await startLog(new MemoryFs())
    wal.append(text('a'))
    const end = wal.position
    await wal.commit({ sync: false })
    expect(wal.durableTo.offset).toBe(0)
    wal.append(text('b'))
    await wal.commit({ sync: true })
    expect(wal.durableTo).toEqual(wal.position)
    expect(wal.durableTo.offset).toBeGreaterThan(end.offset)
  })
})

describe('removal', () => {
  test('takes the segments before one, of older epochs too', async () => {
    const fs = new MemoryFs()
    const older = await startLog(fs)
    older.append(text('older'))
    await older.rotate()
    await older.close()
    const wal = await startLog(fs, { epoch: 2 })
    wal.append(text('a'))
    const id = await wal.rotate()
    expect(await wal.removeBefore(id)).toBe(3)
    expect(await fs.list('wal')).toEqual([path(2, 2).slice(4)])
  })

  test('is refused for the segment being written', async () => {
    const wal = await startLog(new MemoryFs())
    await expect(wal.removeBefore({ epoch: 1, segment: 2 })).rejects.toThrow(TypeError)
    await expect(wal.removeBefore({ epoch: 2, segment: 1 })).rejects.toThrow(TypeError)
  })

  test('never leaves a gap, wherever the machine stops', async () => {
    const random = new Random('removal')
    for (let stop = 0; stop < 8; stop++) {
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      const wal = await startLog(faulty.fs, { segmentBytesMax: 1024 })
      for (let i = 0; i < 6; i++) {
        wal.append(payloadOf(i, 900))
        await wal.commit({ sync: true })
      }
      faulty.crashAt(faulty.calls + 1 + stop)
      await wal.removeBefore({ epoch: 1, segment: 5 }).catch(() => undefined)
      const { payloads } = await recover(memory.crashImage('names', random.below))
      expect(payloads.at(-1)).toEqual(payloadOf(5, 900))
    }
  })
})

describe('closing', () => {
  test('makes records durable that nobody has committed, and marks the log as complete', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(text('a'))
    await wal.close()
    const after = fs.crash('drop')
    expect(await recoverTexts(after)).toEqual(['a'])
    expect((await recover(after)).report).toMatchObject({ isClean: true, tornTails: [] })
  })

  test('works for a log without records', async () => {
    const fs = new MemoryFs()
    await (await startLog(fs)).close()
    expect((await recover(fs.crash('drop'))).report).toEqual({
      segments: 1,
      records: 0,
      end: undefined,
      isClean: true,
      tornTails: [],
    })
  })

  test('refuses what comes later, and may be called again', async () => {
    const wal = await startLog(new MemoryFs())
    const closing = wal.close()
    expect(wal.close()).toBe(closing)
    expect(await codeOf(() => wal.append(text('a')))).toBe('CLOSED')
    await closing
    expect(await codeOf(() => wal.append(text('a')))).toBe('CLOSED')
    expect(await codeOf(wal.commit({ sync: true }))).toBe('CLOSED')
    expect(await codeOf(wal.rotate())).toBe('CLOSED')
  })

  test('is what disposal does', async () => {
    const fs = new MemoryFs()
    {
      await using wal = await startLog(fs)
      wal.append(text('a'))
    }
    expect((await recover(fs)).report).toMatchObject({ records: 1, isClean: true })
  })
})

describe('an epoch', () => {
  test('must be above those in the directory', async () => {
    const fs = new MemoryFs()
    await (await startLog(fs, { epoch: 3 })).close()
    expect(await codeOf(startLog(fs, { epoch: 3 }))).toBe('INVALID')
    expect(await codeOf(startLog(fs, { epoch: 2 }))).toBe('INVALID')
    await (await startLog(fs, { epoch: 4 })).close()
    expect(await listSegments({ fs, directory: 'wal' })).toHaveLength(2)
  })

  test('follows the older ones in a replay', async () => {
    const fs = new MemoryFs()
    for (const epoch of [1, 2, 10]) {
      const wal = await startLog(fs, { epoch })
      wal.append(text(`epoch ${epoch}`))
      await wal.close()
    }
    expect(await recoverTexts(fs)).toEqual(['epoch 1', 'epoch 2', 'epoch 10'])
  })
})

test.each([
  { epoch: 0 },
  { epoch: 1.5 },
  { epoch: 2 ** 32 },
  { segmentBytesMax: 1023 },
  { segmentBytesMax: 2 ** 31 },
])('options %o are refused', async (options) => {
  await expect(startLog(new MemoryFs(), options)).rejects.toThrow(TypeError)
})
