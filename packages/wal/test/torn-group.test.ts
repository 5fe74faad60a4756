import { ByteWriter } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { segmentSeed } from '../src/format.ts'
import { stampGroup, writeRecord, writeSegmentHeader } from '../src/record-writer.ts'
import {
  bytesOf,
  path,
  payloadOf,
  prefixLength,
  recover,
  recoverTexts,
  startLog,
  text,
  withFile,
} from './log.ts'

const SECTOR = 512
const ALLOCATED = 40_000
const FILE = path(1)

/** Every way in which the sectors of a group may have reached the disk or not. */
function* tornImages(
  before: Uint8Array,
  after: Uint8Array,
): Generator<{ bytes: Uint8Array; lost: number[] }> {
  const changed: number[] = []
  for (let at = 0; at < after.length; at += SECTOR) {
    const end = Math.min(at + SECTOR, after.length)
    if (Buffer.compare(after.subarray(at, end), before.subarray(at, end)) !== 0) changed.push(at)
  }
  for (let choice = 0; choice < 2 ** changed.length; choice++) {
    const bytes = after.slice()
    const lost = changed.filter((_, i) => (choice & (1 << i)) === 0)
    for (const at of lost) bytes.set(before.subarray(at, at + SECTOR), at)
    yield { bytes, lost }
  }
}

/** Bytes as they lie in an allocated file. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const allocated = new Uint8Array(length)
  allocated.set(bytes)
  return allocated
}

/** The end of the bytes that are not zero. */
function dataEnd(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

describe.each([
  { what: 'a group of small records', sizes: [60, 200, 0, 900, 1000, 30, 1200], isParted: false },
  { what: 'a group of a long record', sizes: [100, 3500, 200], isParted: false },
  { what: 'a group that crosses a block', sizes: [31_000, 2500, 300], isParted: false },
  { what: 'several groups without sync', sizes: [60, 700, 0, 900, 1000, 30], isParted: true },
])('$what, torn at every choice of sectors,', ({ sizes, isParted }) => {
  test('is a torn tail, and the groups before stay', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs)
    const written = [payloadOf(0, 300), payloadOf(1, 20)]
    const prior = sizes[0] > 30_000 ? 3 : 2
    if (prior === 3) written.push(payloadOf(2, sizes[0]))
    for (const payload of written) {
      wal.append(payload)
      await wal.commit({ sync: true })
    }
    const before = padded(bytesOf(fs, FILE), ALLOCATED)
    for (const size of sizes.slice(prior - 2)) written.push(payloadOf(written.length, size))
    for (const payload of written.slice(prior)) {
      wal.append(payload)
      if (isParted) await wal.commit({ sync: false })
    }
    await wal.commit({ sync: false })
    const after = padded(bytesOf(fs, FILE), ALLOCATED)
    let images = 0
    for (const { bytes, lost } of tornImages(before, after)) {
      images++
      const { payloads, report } = await recover(withFile(fs, FILE, bytes))
      const found = prefixLength(written, payloads)
      expect(found, `lost ${lost.join()}`).toBeGreaterThanOrEqual(lost.length === 0 ? written.length : prior)
      const end = dataEnd(bytes)
      const recordsEnd = report.end?.offset ?? 0
      const isTorn = end > recordsEnd
      expect(report.tornTails, `lost ${lost.join()}`).toEqual(
        isTorn ? [{ file: FILE, offset: recordsEnd, bytes: end - recordsEnd }] : [],
      )
    }
    expect(images).toBeGreaterThanOrEqual(64)
  })
})

test('the first group of a segment may be torn with its header', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs)
  const written = [payloadOf(0, 700), payloadOf(1, 900), payloadOf(2, 1200)]
  for (const payload of written) wal.append(payload)
  await wal.commit({ sync: false })
  const after = bytesOf(fs, FILE)
  for (const { bytes, lost } of tornImages(new Uint8Array(after.length), after)) {
    const { payloads } = await recover(withFile(fs, FILE, bytes))
    expect(prefixLength(written, payloads)).toBeLessThanOrEqual(lost.includes(0) ? 0 : written.length)
  }
})

test('a record without its end is cut', async () => {
  const fs = new MemoryFs()
  const wal = await startLog(fs)
  wal.append(text('whole'))
  await wal.commit({ sync: true })
  const { offset } = wal.position
  wal.append(payloadOf(0, 70_000))
  await wal.commit({ sync: true })
  const bytes = bytesOf(fs, FILE).slice(0, 65_536)
  const after = withFile(fs, FILE, bytes)
  expect(await recoverTexts(after)).toEqual(['whole'])
  expect((await recover(after)).report.tornTails).toEqual([{ file: FILE, offset, bytes: 65_536 - offset }])
})

describe('what is left of a group that was given up', () => {
  /** A segment with one durable record, then the group `first` partly overwritten by `second`. */
  function segmentWith(groups: {
    first: Uint8Array[]
    second: Uint8Array[]
    numbers: [number, number]
  }): Uint8Array {
    const seed = segmentSeed(1, 1)
    const start = new ByteWriter()
    writeSegmentHeader(start, { epoch: 1, segment: 1 })
    writeRecord(start, 0, text('durable'))
    stampGroup(start, 0, { seed, group: 1, syncedTo: 0 })
    const base = start.length
    const bytes = new Uint8Array(200_000)
    bytes.set(start.written())
    for (const [i, payloads] of [groups.first, groups.second].entries()) {
      const out = new ByteWriter()
      for (const payload of payloads) writeRecord(out, base, payload)
      stampGroup(out, base, { seed, group: groups.numbers[i], syncedTo: base })
      bytes.set(out.written(), base)
    }
    return bytes
  }
  const open = (bytes: Uint8Array): MemoryFs => MemoryFs.from([[FILE, bytes]])

  test('is not read on behind the group that took its place', async () => {
    const groups = { first: ['aaaa', 'bbbb', 'cccc'].map(text), second: [text('dddd')] }
    const bytes = segmentWith({ ...groups, numbers: [2, 3] })
    expect(await recoverTexts(open(bytes))).toEqual(['durable', 'dddd'])
    // With the same number they would pass: it is the number that keeps them out.
    const reused = segmentWith({ ...groups, numbers: [2, 2] })
    expect(await recoverTexts(open(reused))).toEqual(['durable', 'dddd', 'bbbb', 'cccc'])
  })

  test('does not complete a record of that group', async () => {
    const groups = { first: [payloadOf(1, 100_000)], second: [payloadOf(2, 100_000)] }
    const both = segmentWith({ ...groups, numbers: [2, 3] })
    const older = segmentWith({ ...groups, second: groups.first, numbers: [2, 2] })
    both.set(older.subarray(32_768), 32_768)
    const { payloads, report } = await recover(open(both))
    expect(payloads).toEqual([text('durable')])
    expect(report.tornTails).toHaveLength(1)
  })
})
