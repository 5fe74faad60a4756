import { MemoryFs } from '@meru/fs'
import { Random } from '@meru/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { CorruptionError } from '@meru/core'
import { FRAGMENT_HEADER_BYTES } from '../src/format.ts'
import { bytesOf, path, payloadOf, prefixLength, recover, type Recovered, startLog, withFile } from './log.ts'

// Sizes that give a small log everything: several groups, records of one, two and three fragments.
const SIZES: readonly (readonly number[])[] = [[20, 0, 7], [33_000], [5, 66_000, 9], [11], [12]]
const FILE = path(1)

interface Log {
  readonly fs: MemoryFs
  readonly bytes: Uint8Array
  readonly written: Uint8Array[]
  /** Where the last group starts. */
  readonly lastGroup: number
}

/** A log of one segment; what is in the file counts as durable. */
async function makeLog(options: { isClosed: boolean; sizes?: readonly (readonly number[])[] }): Promise<Log> {
  const memory = new MemoryFs()
  const wal = await startLog(memory)
  const written: Uint8Array[] = []
  let lastGroup = 0
  for (const sizes of options.sizes ?? SIZES) {
    lastGroup = wal.position.offset
    for (const size of sizes) wal.append(written[written.push(payloadOf(written.length, size)) - 1])
    await wal.commit({ sync: true })
  }
  if (options.isClosed) await wal.close()
  const bytes = bytesOf(memory, FILE)
  return { fs: memory, bytes, written, lastGroup }
}

async function recoverDamaged(log: Log, bytes: Uint8Array): Promise<Recovered | CorruptionError> {
  try {
    return await recover(withFile(log.fs, FILE, bytes))
  } catch (error) {
    if (error instanceof CorruptionError) return error
    throw error
  }
}

/** Offsets worth damaging: all that are not deep inside a long payload, and a few that are. */
function offsetsOf({ bytes }: Log): number[] {
  return Array.from({ length: bytes.length }, (_, offset) => offset).filter(
    (offset) =>
      offset < 150 || offset > bytes.length - 100 || (offset + 60) % 32_768 < 110 || offset % 997 === 0,
  )
}

function flipped(log: Log, offset: number, mask: number): Uint8Array {
  const bytes = log.bytes.slice()
  bytes[offset] ^= mask
  return bytes
}

describe('a flipped bit', () => {
  let closed: Log
  let open: Log
  beforeAll(async () => {
    closed = await makeLog({ isClosed: true })
    open = await makeLog({ isClosed: false })
  })

  test.each([0x01, 0x80])('of a closed log is found, mask %i', async (mask) => {
    const marker = closed.bytes.length - FRAGMENT_HEADER_BYTES
    for (const offset of offsetsOf(closed).filter((at) => at < marker)) {
      const result = await recoverDamaged(closed, flipped(closed, offset, mask))
      expect(result, `byte ${offset}`).toMatchObject({ code: 'CORRUPT', file: FILE })
      expect((result as CorruptionError).offset, `byte ${offset}`).toBeLessThanOrEqual(offset)
    }
  })

  test.each([0x01, 0x80])('of the marker at the end of a closed log loses nothing, mask %i', async (mask) => {
    for (let offset = closed.bytes.length - FRAGMENT_HEADER_BYTES; offset < closed.bytes.length; offset++) {
      const { payloads, report } = (await recoverDamaged(closed, flipped(closed, offset, mask))) as Recovered
      expect(prefixLength(closed.written, payloads), `byte ${offset}`).toBe(closed.written.length)
      expect(report.isClean, `byte ${offset}`).toBe(false)
    }
  })

  test.each([0x01, 0xff])(
    'before the last group of a log that was not closed is found, mask %i',
    async (mask) => {
      for (const offset of offsetsOf(open).filter((at) => at < open.lastGroup)) {
        const result = await recoverDamaged(open, flipped(open, offset, mask))
        expect(result, `byte ${offset}`).toMatchObject({ code: 'CORRUPT', file: FILE })
      }
    },
  )

  test.each([0x01, 0xff])(
    'in the last group of a log that was not closed is a torn tail, mask %i',
    async (mask) => {
      for (let offset = open.lastGroup; offset < open.bytes.length; offset++) {
        const { payloads, report } = (await recoverDamaged(open, flipped(open, offset, mask))) as Recovered
        expect(prefixLength(open.written, payloads), `byte ${offset}`).toBe(open.written.length - 1)
        expect(report.tornTails, `byte ${offset}`).toEqual([
          { file: FILE, offset: open.lastGroup, bytes: open.bytes.length - open.lastGroup },
        ])
      }
    },
  )

  test('behind the end marker changes nothing', async () => {
    const bytes = new Uint8Array(closed.bytes.length + 1000)
    bytes.set(closed.bytes)
    bytes[closed.bytes.length + 500] = 1
    const { payloads, report } = (await recoverDamaged(closed, bytes)) as Recovered
    expect(prefixLength(closed.written, payloads)).toBe(closed.written.length)
    expect(report).toMatchObject({ isClean: true, tornTails: [] })
  })

  test('is found wherever it is in a log of one block', async () => {
    const sizes = Array.from({ length: 12 }, (_, i) => [i * 7])
    const small = await makeLog({ isClosed: true, sizes })
    for (let offset = 0; offset < small.bytes.length - FRAGMENT_HEADER_BYTES; offset++) {
      for (const mask of [0x01, 0x10, 0x80]) {
        const result = await recoverDamaged(small, flipped(small, offset, mask))
        expect(result, `byte ${offset}`).toMatchObject({ code: 'CORRUPT' })
      }
    }
  })
})

test('closing vouches for records that were never synced before', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs)
  const written = [payloadOf(0, 50), payloadOf(1, 60)]
  for (const payload of written) {
    wal.append(payload)
    await wal.commit({ sync: false })
  }
  // So that closing finds nothing under way.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  await wal.close()
  const log = { fs, bytes: bytesOf(fs, FILE), written, lastGroup: 0 }
  for (let offset = 0; offset < log.bytes.length - FRAGMENT_HEADER_BYTES; offset++) {
    expect(await recoverDamaged(log, flipped(log, offset, 1)), `byte ${offset}`).toMatchObject({
      code: 'CORRUPT',
    })
  }
})

describe('bytes that are lost', () => {
  test('at the end leave the records before them', async () => {
    const log = await makeLog({ isClosed: true })
    const intact = await recover(log.fs)
    for (const length of offsetsOf(log)) {
      const { payloads, report } = (await recoverDamaged(log, log.bytes.slice(0, length))) as Recovered
      const whole = intact.ends.filter((end) => end.offset <= length).length
      expect(prefixLength(log.written, payloads), `cut at ${length}`).toBe(whole)
      expect(report.isClean, `cut at ${length}`).toBe(false)
    }
  })

  test('inside are found as long as something later is left', async () => {
    const log = await makeLog({ isClosed: true })
    const random = new Random('lost bytes')
    for (let i = 0; i < 300; i++) {
      const bytes = log.bytes.slice()
      const from = random.below(log.lastGroup)
      const to = Math.min(log.lastGroup, from + 1 + random.below(random.pick([4, 600, 40_000])))
      bytes.fill(0, from, to)
      if (Buffer.compare(bytes, log.bytes) === 0) continue
      expect(await recoverDamaged(log, bytes), `zeros from ${from} to ${to}`).toMatchObject({
        code: 'CORRUPT',
      })
    }
  })

  test('never give a wrong record, however many there are', async () => {
    const random = new Random('garbage')
    const logs = [await makeLog({ isClosed: true }), await makeLog({ isClosed: false })]
    for (let i = 0; i < 500; i++) {
      const log = random.pick(logs)
      const bytes = log.bytes.slice()
      for (let times = random.between(1, 4); times > 0; times--) {
        const from = random.below(bytes.length)
        const garbage = random.bytes(random.between(1, random.pick([1, 20, 2000])))
        bytes.set(garbage.subarray(0, bytes.length - from), from)
      }
      const result = await recoverDamaged(log, bytes)
      const payloads = result instanceof CorruptionError ? [] : result.payloads
      expect(() => prefixLength(log.written, payloads)).not.toThrow()
    }
  })
})

describe('blocks out of place', () => {
  test('are not taken for the right ones', async () => {
    const log = await makeLog({ isClosed: true, sizes: [[32_768 * 5]] })
    const swapped = log.bytes.slice()
    swapped.copyWithin(65_536, 98_304, 131_072)
    expect(await recoverDamaged(log, swapped)).toMatchObject({ code: 'CORRUPT', offset: 65_536 })
  })

  test('of another segment are not taken either', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    wal.append(payloadOf(0, 100_000))
    await wal.rotate()
    wal.append(payloadOf(1, 100_000))
    await wal.close()
    const bytes = bytesOf(fs, path(2))
    bytes.set(bytesOf(fs, path(1)).subarray(32_768, 65_536), 32_768)
    await expect(recover(withFile(fs, path(2), bytes))).rejects.toMatchObject({
      code: 'CORRUPT',
      file: path(2),
    })
  })
})
