import { MemoryFs } from '@meru/fs'
import { FaultyFs, type NumberedCall } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { Wal } from '../src/index.ts'
import { path, payloadOf, recover, startLog, text } from './log.ts'

const SEGMENT = 600_000
const SPARE = 'wal/0000000001-spare.tmp'

async function write(wal: Wal, records: number): Promise<void> {
  for (let i = 0; i < records; i++) {
    wal.append(payloadOf(i, 20_000))
    await wal.commit({ sync: true })
  }
}

/** Lets work beside the log come to its end: its calls take a turn each. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve()
}

/** How far records have made a file grow that were appended to an allocated segment, or one that is not. */
async function growth(preallocate: boolean): Promise<{ before: number; after: number }> {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: SEGMENT, preallocate })
  const before = (await fs.size(path(1))) ?? 0
  await write(wal, 10)
  return { before, after: (await fs.size(path(1))) ?? 0 }
}

test('an allocated segment does not grow, so that a sync moves data alone', async () => {
  expect(await growth(true)).toEqual({ before: SEGMENT, after: SEGMENT })
  const { before, after } = await growth(false)
  expect(before).toBe(0)
  expect(after).toBeGreaterThan(200_000)
})

test('the first segment gets no more than is quickly written', async () => {
  const fs = new MemoryFs()
  await startLog(fs, { segmentBytesMax: 1 << 28, preallocate: true })
  expect(await fs.size(path(1))).toBe(1 << 20)
})

test('the next segment is allocated when the current one is half full, and taken over whole', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: SEGMENT, preallocate: true })
  await write(wal, 14)
  await settle()
  expect(await fs.size(SPARE)).toBeUndefined()
  await write(wal, 2)
  await settle()
  expect(await fs.size(SPARE)).toBe(SEGMENT)
  await write(wal, 15)
  expect(wal.position.segment).toBe(2)
  expect(await fs.size(path(2))).toBe(SEGMENT)
  expect(await fs.list('wal')).toHaveLength(2)
  await wal.close()
  expect((await recover(fs.crash('drop'))).report).toMatchObject({ records: 31, isClean: true })
})

test('zeros are durable before a segment counts on them', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: SEGMENT, preallocate: true })
  await write(wal, 20)
  await settle()
  await wal.rotate()
  expect(await fs.crashImage('drop').size(path(2))).toBe(SEGMENT)
})

describe('a segment that is not ready in time', () => {
  test('is never waited for, and never made twice', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    let calls = 0
    faulty.inject((call) => {
      if (call.path !== SPARE) return undefined
      calls++
      return { effect: 'hang' }
    })
    const wal = await startLog(faulty.fs, { segmentBytesMax: SEGMENT, preallocate: true })
    await write(wal, 100)
    expect(wal.position.segment).toBe(4)
    expect(calls).toBe(1)
    expect((await recover(memory.crash('drop'))).report.records).toBe(100)
  })

  test('is used for the one after, which then starts early', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    let letGo: (() => void) | undefined
    const slow = new Promise<void>((resolve) => (letGo = resolve))
    const fs = new Proxy(faulty.fs, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name !== 'create') return value.bind(target)
        return async (...call: Parameters<typeof target.create>) => {
          if (call[0] === SPARE) await slow
          return await target.create(...call)
        }
      },
    })
    const wal = await startLog(fs, { segmentBytesMax: SEGMENT, preallocate: true })
    await write(wal, 31)
    expect(wal.position.segment).toBe(2)
    expect(await memory.size(path(2))).toBeLessThan(SEGMENT)
    letGo?.()
    await settle()
    await write(wal, 1)
    expect(wal.position.segment).toBe(3)
    expect(await memory.size(path(3))).toBe(SEGMENT)
    await wal.close()
    expect((await recover(memory.crash('drop'))).report).toMatchObject({ records: 32, isClean: true })
  })

  test('is done without where there is no room, and asked for once per segment', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const tries: NumberedCall[] = []
    faulty.inject((call) => {
      if (call.path !== SPARE || call.operation !== 'write') return undefined
      tries.push(call)
      return { errno: 'ENOSPC', effect: 'half' }
    })
    const wal = await startLog(faulty.fs, { segmentBytesMax: SEGMENT, preallocate: true })
    await write(wal, 75)
    expect(wal.position.segment).toBe(3)
    expect(tries).toHaveLength(3)
    expect(await memory.list('wal')).toHaveLength(3)
    await wal.close()
    expect((await recover(memory.crash('drop'))).report).toMatchObject({ records: 75, isClean: true })
  })
})

test('large groups go without', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: SEGMENT, preallocate: true })
  for (let i = 0; i < 5; i++) {
    wal.append(payloadOf(i, 100_000))
    await wal.commit({ sync: true })
  }
  await settle()
  expect(await fs.size(SPARE)).toBeUndefined()
})

test('closing ends the work and removes what is not used', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs, { segmentBytesMax: 1 << 22, preallocate: true })
  for (let i = 0; i < 30; i++) {
    wal.append(payloadOf(i, 20_000))
    await wal.commit({ sync: true })
  }
  expect(await fs.list('wal')).toContain(SPARE.slice(4))
  wal.append(text('end'))
  await wal.close()
  expect(await fs.list('wal')).toEqual([path(1).slice(4)])
})
