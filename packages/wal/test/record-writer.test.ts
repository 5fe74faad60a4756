import { ByteWriter } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { BLOCK_BYTES, FRAGMENT_HEADER_BYTES, RECORD_BYTES_MAX, SEGMENT_BYTES_MAX } from '../src/format.ts'
import { framedBytes, writeRecord } from '../src/record-writer.ts'
import { payloadOf, prefixLength, recover, startLog } from './log.ts'

test('the length of a framed record is known before it is framed', () => {
  const random = new Random('framed length')
  const around = (length: number): number[] => [-16, -15, -14, -1, 0, 1, 14, 15, 16].map((by) => length + by)
  const offsets = [0, 24, ...around(BLOCK_BYTES), ...around(3 * BLOCK_BYTES), random.below(BLOCK_BYTES)]
  const lengths = [0, 1, 2, 100, ...around(BLOCK_BYTES), ...around(2 * BLOCK_BYTES), random.below(200_000)]
  for (const offset of offsets) {
    for (const length of lengths) {
      const out = new ByteWriter()
      writeRecord(out, offset, new Uint8Array(length))
      expect(framedBytes(offset, length), `${length} bytes at ${offset}`).toBe(out.length)
    }
  }
})

test('no offset outgrows its field, even behind the longest record', () => {
  const start = BLOCK_BYTES - FRAGMENT_HEADER_BYTES + 1
  expect(start + framedBytes(start, RECORD_BYTES_MAX)).toBeLessThan(SEGMENT_BYTES_MAX)
})

describe('records come back at every length around the block size', () => {
  const lengths = [0, 1, 2, ...range(BLOCK_BYTES - 60, BLOCK_BYTES + 60), ...range(65_460, 65_540)]

  test('each at the start of a segment', async () => {
    for (const length of lengths) {
      const fs = new MemoryFs()
      const wal = await startLog(fs)
      const written = [payloadOf(1, length), payloadOf(2, 5)]
      for (const payload of written) wal.append(payload)
      await wal.close()
      expect(prefixLength(written, (await recover(fs)).payloads), `length ${length}`).toBe(2)
    }
  })

  test('each behind the other, in one segment', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 1 << 26 })
    const written = lengths.map((length, number) => payloadOf(number, length))
    for (const payload of written) wal.append(payload)
    await wal.close()
    const { payloads, report } = await recover(fs)
    expect(prefixLength(written, payloads)).toBe(written.length)
    expect(report).toMatchObject({ segments: 1, isClean: true })
  })
})

test('a short record comes back at every offset of a block', async () => {
  for (let rest = 0; rest < 3 * FRAGMENT_HEADER_BYTES; rest++) {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    const filler = BLOCK_BYTES - wal.position.offset - 24 - FRAGMENT_HEADER_BYTES - rest
    const written = [payloadOf(0, filler), payloadOf(1, 7), new Uint8Array(0), payloadOf(2, 40)]
    for (const payload of written) {
      wal.append(payload)
      await wal.commit({ sync: true })
    }
    expect((await recover(fs.crash('drop'))).payloads, `${rest} bytes before the end of the block`).toEqual(
      written,
    )
  }
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
