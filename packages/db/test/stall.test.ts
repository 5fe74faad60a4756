import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { type Call, InterceptedFs } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { EngineEvent } from '../src/index.ts'
import { decideStall, type StallInput } from '../src/stall.ts'
import { events, openMemory } from './fixture.ts'

const settings = {
  memtablesSealedMax: 3,
  l0SlowdownFiles: 4,
  l0StopFiles: 8,
  pendingSlowdownBytes: 1000,
  pendingStopBytes: 2000,
}
const IDLE: StallInput = { sealedMemtables: 0, activeShare: 0, l0Files: 0, pendingBytes: 0 }

function delayOf(input: Partial<StallInput>): number {
  const stall = decideStall({ ...IDLE, ...input }, settings)
  return stall.kind === 'slowdown' ? stall.delayMs : stall.kind === 'none' ? 0 : Infinity
}

describe('decideStall', () => {
  test.each([
    [{}, 'none'],
    [{ sealedMemtables: 2, l0Files: 3, pendingBytes: 1000 }, 'none'],
    [{ l0Files: 4 }, 'slowdown'],
    [{ sealedMemtables: 2, l0Files: 7 }, 'slowdown'],
    [{ pendingBytes: 1001 }, 'slowdown'],
    [{ sealedMemtables: 2, activeShare: 0.5 }, 'none'],
    [{ sealedMemtables: 2, activeShare: 0.51 }, 'slowdown'],
    [{ sealedMemtables: 1, activeShare: 1 }, 'none'],
    [{ l0Files: 8 }, 'stop'],
    [{ sealedMemtables: 3 }, 'stop'],
    [{ pendingBytes: 2000 }, 'stop'],
  ])('%j: %s', (input, kind) => {
    expect(decideStall({ ...IDLE, ...input }, settings).kind).toBe(kind)
  })

  test.each([
    [[4, 5, 6, 7, 8].map((l0Files) => ({ l0Files }))],
    [[1100, 1400, 1800, 2000].map((pendingBytes) => ({ pendingBytes }))],
    [[0.6, 0.8, 1].map((activeShare) => ({ sealedMemtables: 2, activeShare }))],
  ])('the delay grows up to the stop: %j', (inputs: Partial<StallInput>[]) => {
    const delays = inputs.map(delayOf)
    expect(delays).toEqual(delays.toSorted((a, b) => a - b))
    expect(new Set(delays).size).toBe(inputs.length)
    expect(delays[0]).toBeGreaterThan(0)
  })

  test('the stronger reason counts', () => {
    const stall = decideStall({ ...IDLE, l0Files: 4, pendingBytes: 1999 }, settings)
    expect(stall).toMatchObject({
      kind: 'slowdown',
      delayMs: 16,
      reason: expect.stringContaining('due') as string,
    })
  })

  test('two memtables at most: the first one does not slow anybody down', () => {
    const two = { ...settings, memtablesSealedMax: 1 }
    expect(decideStall({ ...IDLE, activeShare: 1 }, two).kind).toBe('none')
  })
})

describe('a writer that never ends, on a disk that is slow', () => {
  test(
    'is held before memory grows, is told so, and goes on when there is room',
    { timeout: 60_000 },
    async () => {
      const told: Extract<EngineEvent, { kind: 'stall' }>[] = []
      const slow = async (call: Call, run: () => Promise<unknown>): Promise<unknown> => {
        if (call.operation === 'create' && call.path.endsWith('.parquet')) {
          for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
        }
        return run()
      }
      const fs = new InterceptedFs(new MemoryFs(), { around: slow as never, aroundSync: (_, run) => run() })
      const memtablesSealedMax = 2
      const db = await openMemory(new MemoryFs(), {
        settings: { memtableBytesMax: 4096, memtablesSealedMax },
        components: {
          fs,
          env: nodeEnvironment(),
          onEvent: (event) => event.kind === 'stall' && void told.push(event),
        },
      })
      const table = await db.table(events)
      let sealedMax = 0
      let bytesMax = 0
      const states = new Set<string>()
      const write = async (from: number): Promise<void> => {
        for (let n = from; n < 400; n += 20) {
          await table.put({ at: BigInt(n), what: 'x'.repeat(100) }, { durability: 'buffered' })
          const { memtables, stall } = table.stats()
          sealedMax = Math.max(sealedMax, memtables.sealed)
          bytesMax = Math.max(bytesMax, memtables.bytes)
          states.add(stall)
        }
      }
      await Promise.all(Array.from({ length: 20 }, (_, from) => write(from)))
      // A group that is on its way when the last memtable is sealed may seal one more.
      expect(sealedMax).toBeLessThanOrEqual(memtablesSealedMax + 1)
      expect(bytesMax).toBeLessThan((memtablesSealedMax + 3) * 4096)
      expect(states).toContain('stop')
      await db.flush()
      const order = told.map(({ state }) => state)
      expect(order).toContain('stop')
      expect(order.at(-1)).toBe('none')
      order.forEach((state, i) => expect(state).not.toBe(order[i - 1] ?? 'none'))
      const { counters } = db.stats()
      expect(counters.stalls).toBe(order.filter((state) => state !== 'none').length)
      expect(counters.heldWrites).toBeGreaterThan(10)
      expect(counters.heldMilliseconds).toBeGreaterThan(0)
      expect(table.stats()).toMatchObject({ stall: 'none', liveRows: 400 })
      await db.close()
    },
  )
})
