import { ByteWriter } from '@meru/core'
import { crc32, MemoryFs } from '@meru/fs'
import { FaultyFs } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { replay, type WalPosition } from '../src/index.ts'
import { BLOCK_BYTES, FRAGMENT_HEADER_BYTES, segmentSeed } from '../src/format.ts'
import { writeSegmentHeader } from '../src/record-writer.ts'
import { bytesOf, path, payloadOf, recover, recoverTexts, startLog, text, withFile } from './log.ts'

/** Epoch 1 with segments 1 to 3, closed, of two records each; epoch 2 with one segment, not closed. */
let log: MemoryFs

beforeEach(async () => {
  log = new MemoryFs()
  const first = await startLog(log)
  for (const segment of [1, 2, 3]) {
    for (const name of ['a', 'b']) first.append(text(`${segment}${name}`))
    await first.commit({ sync: true })
    if (segment < 3) await first.rotate()
  }
  await first.close()
  const second = await startLog(log, { epoch: 2 })
  second.append(text('last'))
  await second.commit({ sync: true })
})

async function without(...files: string[]): Promise<MemoryFs> {
  const left = log.snapshotFiles()
  for (const file of files) left.delete(file)
  return MemoryFs.from(left)
}

describe('a replay', () => {
  test('tells what it has read', async () => {
    const { payloads, ends, report } = await recover(log)
    expect(payloads.map((payload) => new TextDecoder().decode(payload))).toEqual([
      '1a',
      '1b',
      '2a',
      '2b',
      '3a',
      '3b',
      'last',
    ])
    expect(report).toEqual({ segments: 4, records: 7, end: ends[6], isClean: false, tornTails: [] })
  })

  test('of no directory, or an empty one, is empty', async () => {
    const report = { segments: 0, records: 0, end: undefined, isClean: true, tornTails: [] }
    expect((await recover(new MemoryFs())).report).toEqual(report)
    const fs = new MemoryFs()
    await fs.makeDirectory('wal')
    expect((await recover(fs)).report).toEqual(report)
  })

  test('waits for the promise of a callback before the next record', async () => {
    let active = 0
    const seen: number[] = []
    await replay({ fs: log, directory: 'wal' }, async () => {
      seen.push(++active)
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
      active--
    })
    expect(seen).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  test('ends with the error of a callback, and closes its file', async () => {
    const faulty = new FaultyFs(log)
    let open = 0
    faulty.inject((call) => {
      if (call.operation === 'open') open++
      if (call.operation === 'close') open--
      return undefined
    })
    const fail = (): never => {
      throw new Error('enough')
    }
    await expect(replay({ fs: faulty.fs, directory: 'wal' }, fail)).rejects.toThrow('enough')
    expect(open).toBe(0)
  })

  test('reads a segment through a window, not whole', async () => {
    const fs = new MemoryFs()
    const wal = await startLog(fs, { segmentBytesMax: 1 << 22 })
    for (let i = 0; i < 20; i++) wal.append(payloadOf(i, 100_000))
    await wal.close()
    const faulty = new FaultyFs(fs)
    const lengths: number[] = []
    faulty.inject((call) => {
      if (call.operation === 'read') lengths.push(call.length ?? 0)
      expect(call.operation).not.toBe('readFile')
      return undefined
    })
    expect((await recover(faulty.fs)).report.records).toBe(20)
    expect(Math.max(...lengths)).toBe(8 * BLOCK_BYTES)
    expect(lengths.length).toBeGreaterThan(7)
  })
})

describe('after a position', () => {
  test.each([
    [{ epoch: 1, segment: 2, offset: 0 }, ['2a', '2b', '3a', '3b', 'last']],
    [{ epoch: 1, segment: 3, offset: 1 << 30 }, ['last']],
    [{ epoch: 2, segment: 1, offset: 0 }, ['last']],
    [{ epoch: 3, segment: 1, offset: 0 }, []],
  ])('%o only later records are handed out', async (after: WalPosition, expected) => {
    expect(await recoverTexts(log, after)).toEqual(expected)
  })

  test('that a replay has named, the rest follows', async () => {
    const { ends } = await recover(log)
    const all = await recoverTexts(log)
    for (const [i, end] of ends.entries()) expect(await recoverTexts(log, end)).toEqual(all.slice(i + 1))
  })

  test('older segments are not looked at', async () => {
    const damaged = withFile(log, path(1), text('damaged'))
    expect(await recoverTexts(damaged, { epoch: 1, segment: 2, offset: 0 })).toHaveLength(5)
    expect(await recoverTexts(await without(path(1)), { epoch: 1, segment: 2, offset: 0 })).toHaveLength(5)
  })
})

describe('a missing segment', () => {
  test.each([
    ['in the middle of an epoch', path(2), undefined],
    ['where reading starts', path(2), { epoch: 1, segment: 2, offset: 0 }],
    ['that all later ones are missing behind', path(3), { epoch: 1, segment: 3, offset: 0 }],
  ])('%s is corruption', async (_, file, after) => {
    await expect(recover(await without(file), after)).rejects.toMatchObject({ code: 'CORRUPT', file })
  })

  test('at the start of a later epoch is corruption', async () => {
    const fs = new MemoryFs()
    for (const epoch of [1, 2]) {
      const wal = await startLog(fs, { epoch })
      wal.append(text('a'))
      await wal.rotate()
      await wal.close()
    }
    const files = fs.snapshotFiles()
    files.delete(path(1, 2))
    await expect(recover(MemoryFs.from(files))).rejects.toMatchObject({ code: 'CORRUPT', file: path(1, 2) })
  })

  test('at the very start has been removed', async () => {
    expect(await recoverTexts(await without(path(1)))).toHaveLength(5)
    expect(await recoverTexts(await without(path(1), path(2), path(3)))).toEqual(['last'])
  })

  test('of an epoch that has not begun is nothing', async () => {
    expect(await recoverTexts(log, { epoch: 3, segment: 1, offset: 0 })).toEqual([])
  })
})

describe('a segment that others follow', () => {
  test('must end with its marker', async () => {
    const bytes = bytesOf(log, path(1))
    for (let cut = 0; cut < bytes.length; cut++) {
      const damaged = withFile(log, path(1), bytes.slice(0, cut))
      await expect(recover(damaged), `cut at ${cut}`).rejects.toMatchObject({
        code: 'CORRUPT',
        file: path(1),
      })
    }
  })

  test('may be followed by one that is allocated and not begun', async () => {
    const files = log.snapshotFiles()
    files.set(path(2, 2), new Uint8Array(500_000))
    files.set(path(3, 2), new Uint8Array(0))
    const { report } = await recover(MemoryFs.from(files))
    expect(report).toMatchObject({ segments: 4, records: 7 })
  })

  test('must not say that the log ends with it', async () => {
    const files = log.snapshotFiles()
    files.set(path(4), bytesOf(log, path(3)))
    await expect(recover(MemoryFs.from(files))).rejects.toMatchObject({ code: 'CORRUPT', file: path(3) })
  })
})

describe('a file', () => {
  test('in the place of another is corruption', async () => {
    const swapped = withFile(withFile(log, path(1), bytesOf(log, path(2))), path(2), bytesOf(log, path(1)))
    await expect(recover(swapped)).rejects.toThrow('holds segment 2 of epoch 1')
    const older = withFile(log, path(1, 2), bytesOf(log, path(3)))
    await expect(recover(older)).rejects.toThrow('holds segment 3 of epoch 1')
  })

  test('of a later version of the format is unsupported', async () => {
    const header = new ByteWriter()
    writeSegmentHeader(header, { epoch: 2, segment: 1 })
    header.view.setUint32(8, 2, true)
    header.view.setUint32(20, crc32(header.bytes, 0, 20, segmentSeed(2, 1)), true)
    const newer = withFile(log, path(1, 2), header.written().slice())
    await expect(recover(newer)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('that is not a segment at all is a torn tail of the last segment', async () => {
    const { report } = await recover(withFile(log, path(1, 2), text('not a segment')))
    expect(report).toMatchObject({ records: 6, tornTails: [{ file: path(1, 2), offset: 0, bytes: 13 }] })
  })

  test('with other names around is read alone', async () => {
    const files = log.snapshotFiles()
    files.set('wal/0000000002-spare.tmp', new Uint8Array(100))
    files.set('wal/notes.txt', text('hello'))
    expect((await recover(MemoryFs.from(files))).report).toMatchObject({ records: 7, tornTails: [] })
  })
})

test('a length that reaches past the block or the file is no fragment', async () => {
  const bytes = bytesOf(log, path(1, 2))
  const lengthAt = bytes.length - 4 - FRAGMENT_HEADER_BYTES + 4
  for (const length of [5, 1000, 0xffff]) {
    const damaged = bytes.slice()
    damaged[lengthAt] = length & 0xff
    damaged[lengthAt + 1] = length >>> 8
    const { report } = await recover(withFile(log, path(1, 2), damaged))
    expect(report).toMatchObject({ records: 6, tornTails: [{ offset: 24 }] })
  }
})
