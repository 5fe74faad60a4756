import { setImmediate } from 'node:timers/promises'
import { MeruError } from '@meru/core'
import { CRASH_MODES, MemoryFs } from '@meru/fs'
import { FaultyFs, InterceptedFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { Wal, WalOptions } from '../src/index.ts'
import { codeOf, payloadOf, prefixLength, recover, recoverTexts, startLog, text } from './log.ts'

interface Setting {
  readonly memory: MemoryFs
  readonly faulty: FaultyFs
  readonly wal: Wal
}

async function start(options: Partial<WalOptions> = {}): Promise<Setting> {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  return { memory, faulty, wal: await startLog(faulty.fs, options) }
}

/** The errors at the end of each of some calls; fails if one succeeds. */
async function errorsOf(calls: readonly Promise<unknown>[]): Promise<MeruError[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((result) => {
    if (result.status === 'fulfilled') throw new Error('the call succeeded')
    return result.reason
  })
}

describe('a failed sync', () => {
  test('poisons: the group, those that wait and all later calls fail with the first cause', async () => {
    const { faulty, wal } = await start()
    wal.append(text('a'))
    await wal.commit({ sync: true })
    faulty.failSyncAt(faulty.syncs + 1)
    wal.append(text('b'))
    const first = wal.commit({ sync: true })
    const waiting: Promise<void>[] = []
    faulty.inject((call) => {
      if (call.operation === 'sync' && waiting.length === 0) {
        wal.append(text('c'))
        waiting.push(wal.commit({ sync: true }), wal.commit({ sync: false }))
      }
      return undefined
    })
    const [error] = await errorsOf([first])
    expect(error).toMatchObject({ code: 'POISONED', cause: { code: 'IO' } })
    for (const later of await errorsOf([...waiting, wal.commit({ sync: true }), wal.rotate()])) {
      expect(later).toBe(error)
    }
    expect(() => wal.append(text('d'))).toThrow(error)
  })

  test('is never tried again', async () => {
    const { faulty, wal } = await start()
    faulty.failSyncAt(faulty.syncs + 1)
    wal.append(text('a'))
    expect(await codeOf(wal.commit({ sync: true }))).toBe('POISONED')
    const before = faulty.syncs
    expect(await codeOf(wal.commit({ sync: true }))).toBe('POISONED')
    await wal.close()
    expect(faulty.syncs).toBe(before)
  })

  test('poisons even for want of room', async () => {
    const { faulty, wal } = await start()
    faulty.inject((call) => (call.operation === 'sync' ? { errno: 'ENOSPC' } : undefined))
    wal.append(text('a'))
    const [error] = await errorsOf([wal.commit({ sync: true })])
    expect(error).toMatchObject({ code: 'POISONED', cause: { code: 'DISK_FULL' } })
  })

  test('of a closed log does not keep its files open', async () => {
    const { faulty, wal } = await start({ preallocate: true })
    faulty.failSyncAt(faulty.syncs + 1)
    wal.append(text('a'))
    const opened = new Set<string>()
    faulty.inject((call) => {
      if (call.operation === 'close') opened.add(call.path)
      return undefined
    })
    expect(await codeOf(wal.close())).toBe('POISONED')
    expect([...opened]).toEqual(['wal/0000000001-0000000001.wal'])
    expect(await codeOf(wal.commit({ sync: true }))).toBe('CLOSED')
  })
})

class Gate {
  open!: () => void
  readonly opened: Promise<void> = new Promise((resolve) => (this.open = resolve))
}

describe('the fence', () => {
  test('is asked once per synced group, when later owners can read its records', async () => {
    const seen: string[] = []
    const memory = new MemoryFs()
    const fence = async (): Promise<void> => {
      seen.push(`asked for ${(await recoverTexts(memory)).join()}`)
    }
    const wal = await startLog(memory, { fence })
    wal.append(text('a'))
    const a = wal.commit({ sync: true }).then(() => seen.push('told a'))
    wal.append(text('b'))
    await Promise.all([a, wal.commit({ sync: true })])
    wal.append(text('c'))
    await wal.commit({ sync: false })
    expect(seen).toEqual(['asked for a,b', 'told a'])
  })

  test.each(['sync', 'fence'] as const)('tells nobody before both have ended, the %s last', async (last) => {
    const seen: string[] = []
    const gates = { sync: new Gate(), fence: new Gate() }
    const fs = new InterceptedFs(new MemoryFs(), {
      around: async (call, run) => {
        if (call.operation === 'sync') await gates.sync.opened
        return run()
      },
      aroundSync: (_, run) => run(),
    })
    const wal = await startLog(fs, { fence: () => gates.fence.opened })
    wal.append(text('a'))
    const told = wal.commit({ sync: true }).then(() => seen.push('told'))
    gates[last === 'sync' ? 'fence' : 'sync'].open()
    await setImmediate()
    seen.push('first')
    gates[last].open()
    await told
    expect(seen).toEqual(['first', 'told'])
  })

  test('that refuses waits for the sync, and then no file is open', async () => {
    const memory = new MemoryFs()
    const gate = new Gate()
    const seen: string[] = []
    const fs = new InterceptedFs(memory, {
      around: async (call, run) => {
        if (call.operation === 'sync') await gate.opened
        if (call.operation === 'sync' || call.operation === 'close') seen.push(call.operation)
        return run()
      },
      aroundSync: (_, run) => run(),
    })
    const wal = await startLog(fs, {
      fence: () => Promise.reject(new MeruError('FENCED', 'epoch 2 is there')),
    })
    wal.append(text('a'))
    const refused = codeOf(wal.commit({ sync: true })).then(async (code) => {
      await wal.close()
      return code
    })
    await setImmediate()
    seen.push('the disk is done')
    gate.open()
    expect(await refused).toBe('FENCED')
    expect(seen).toEqual(['the disk is done', 'sync', 'close'])
  })

  test('is also asked when rotation has synced the records', async () => {
    let checks = 0
    const { wal } = await start({ fence: () => void checks++ })
    wal.append(text('a'))
    await wal.rotate()
    await wal.commit({ sync: true })
    expect(checks).toBe(1)
  })

  test.each([
    ['FENCED', new MeruError('FENCED', 'epoch 2 is there'), 'FENCED'],
    ['a full disk', new MeruError('DISK_FULL', 'no space'), 'POISONED'],
    ['anything', new Error('boom'), 'POISONED'],
  ])('poisons when it throws %s', async (_, cause, code) => {
    const { wal } = await start({
      fence: () => {
        throw cause
      },
    })
    wal.append(text('a'))
    const errors = await errorsOf([wal.commit({ sync: true }), wal.commit({ sync: true })])
    for (const error of errors) expect(error).toMatchObject({ code, cause })
    expect(await codeOf(wal.commit({ sync: false }))).toBe(code)
    expect(await codeOf(() => wal.append(text('b')))).toBe(code)
  })
})

/** Appends and commits one record; the error it ends with, if any. */
async function put(wal: Wal, payload: Uint8Array): Promise<unknown> {
  try {
    wal.append(payload)
    await wal.commit({ sync: true })
    return undefined
  } catch (error) {
    return error
  }
}

test.each(['none', 'half', 'whole'] as const)(
  'whichever call fails, promised records stay: %s of it is done',
  async (effect) => {
    for (let number = 1, failures = 1; failures > 0; number++) {
      failures = 0
      const memory = new MemoryFs()
      const faulty = new FaultyFs(memory)
      faulty.inject((call) => {
        if (call.number !== number) return undefined
        failures++
        return { errno: 'EIO', effect }
      })
      const written = Array.from({ length: 12 }, (_, i) => payloadOf(i, 350))
      const wal = await startLog(faulty.fs, { segmentBytesMax: 1500, preallocate: true }).catch(
        () => undefined,
      )
      const errors: unknown[] = []
      for (const payload of wal === undefined ? [] : written) errors.push(await put(wal as Wal, payload))
      const promised = errors.findIndex((error) => error !== undefined)
      const refusals = promised === -1 ? [] : errors.slice(promised)
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({ code: 'POISONED' })
        expect(refusal).toBe(refusals[0])
      }
      await wal?.close().catch(() => undefined)
      for (const image of [memory.crashImage('drop'), memory.kill()]) {
        const found = prefixLength(written, (await recover(image)).payloads)
        expect(found, `call ${number}`).toBeGreaterThanOrEqual(errors.length - refusals.length)
      }
    }
  },
)

describe('a full disk', () => {
  test('fails the writes, and they resume when there is room', async () => {
    const { memory, faulty, wal } = await start()
    wal.append(text('kept'))
    await wal.commit({ sync: true })
    const { position } = wal
    faulty.limitFreeBytes(5)
    wal.append(text('refused'))
    const waiting = [wal.commit({ sync: true }), wal.commit({ sync: false })]
    for (const error of await errorsOf(waiting)) expect(error).toMatchObject({ code: 'DISK_FULL' })
    expect(wal.position).toEqual(position)
    faulty.heal()
    wal.append(text('later'))
    await wal.commit({ sync: true })
    expect(await recoverTexts(memory.crash('drop'))).toEqual(['kept', 'later'])
  })

  test('takes back even a group that was written whole', async () => {
    const { memory, faulty, wal } = await start()
    wal.append(text('kept'))
    await wal.commit({ sync: true })
    faulty.failAt(faulty.calls + 1, 'ENOSPC', 'whole')
    for (const content of ['aaaa', 'bbbb', 'cccc']) wal.append(text(content))
    expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
    expect(await recoverTexts(memory.crashImage('drop'))).toEqual(['kept'])
    wal.append(text('d'))
    await wal.commit({ sync: true })
    expect((await recover(memory.crash('drop'))).report).toMatchObject({ records: 2, tornTails: [] })
  })

  test('fails the groups that wait behind, because they may build on the lost one', async () => {
    const { memory, faulty, wal } = await start()
    const waiting: Promise<void>[] = []
    faulty.inject((call) => {
      if (call.operation !== 'write' || waiting.length > 0) return undefined
      wal.append(text('behind'))
      waiting.push(wal.commit({ sync: true }))
      return { errno: 'ENOSPC', effect: 'half' }
    })
    wal.append(text('first'))
    expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
    expect(await codeOf(waiting[0])).toBe('DISK_FULL')
    await wal.close()
    expect(await recoverTexts(memory)).toEqual([])
  })

  test('is told to the next commit where nobody waited', async () => {
    const { memory, faulty, wal } = await start()
    faulty.inject((call) => {
      if (call.operation !== 'write' || wal.position.offset > 200) return undefined
      wal.append(payloadOf(0, 300))
      return { errno: 'ENOSPC' }
    })
    wal.append(text('first'))
    expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
    faulty.heal()
    expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
    wal.append(text('later'))
    await wal.commit({ sync: true })
    expect(await recoverTexts(memory.crash('drop'))).toEqual(['later'])
  })

  test('at a rotation lets the rotation be tried again', async () => {
    const { memory, faulty, wal } = await start()
    wal.append(text('a'))
    await wal.commit({ sync: true })
    faulty.inject((call) => (call.operation === 'create' ? { errno: 'ENOSPC' } : undefined))
    expect(await codeOf(wal.rotate())).toBe('DISK_FULL')
    expect(await codeOf(wal.rotate())).toBe('DISK_FULL')
    wal.append(text('b'))
    expect(await codeOf(wal.commit({ sync: true }))).toBe('DISK_FULL')
    faulty.heal()
    expect(await wal.rotate()).toEqual({ epoch: 1, segment: 2 })
    wal.append(text('c'))
    await wal.commit({ sync: true })
    expect(await recoverTexts(memory.crash('drop'))).toEqual(['a', 'c'])
  })

  test('does not keep a log from being closed', async () => {
    const { memory, faulty, wal } = await start()
    wal.append(text('a'))
    await wal.commit({ sync: true })
    faulty.limitFreeBytes(0)
    await wal.close()
    const { report } = await recover(memory.crash('drop'))
    expect(report).toMatchObject({ records: 1, isClean: false, tornTails: [] })
  })

  test('loses nothing that was promised and keeps nothing that was refused, at any size of the disk', async () => {
    const random = new Random('disk sizes')
    for (let bytes = 0; bytes < 8000; bytes += 67) {
      const { memory, faulty, wal } = await start({ segmentBytesMax: 2000 })
      faulty.limitFreeBytes(bytes)
      const kept: Uint8Array[] = []
      const refusals: { code: unknown; found: number; kept: number }[] = []
      for (let i = 0; i < 30; i++) {
        const group = Array.from({ length: 1 + (i % 3) }, (_, n) => payloadOf(10 * i + n, random.below(300)))
        for (const payload of group) wal.append(payload)
        const code = await codeOf(wal.commit({ sync: true }))
        if (code === undefined) {
          kept.push(...group)
          continue
        }
        const { payloads } = await recover(memory.crashImage(CRASH_MODES[i % 6], random.below))
        refusals.push({ code, found: prefixLength(kept, payloads), kept: kept.length })
        faulty.limitFreeBytes(random.below(3000))
      }
      expect(refusals.length, `${bytes} bytes`).toBeGreaterThan(0)
      expect(refusals).toEqual(
        refusals.map((refusal) => ({ code: 'DISK_FULL', found: refusal.kept, kept: refusal.kept })),
      )
      const { payloads, report } = await recover(memory.crash('any', random.below))
      expect(prefixLength(kept, payloads)).toBe(kept.length)
      expect(report.tornTails).toEqual([])
    }
  })
})
