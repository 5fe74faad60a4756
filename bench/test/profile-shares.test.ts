import { describe, expect, test } from 'vitest'
import { kindOf, NOT_COUNTED, sharesOf, type CallFrame, type CpuProfile } from '../src/profile-shares.ts'
import { sourceFiles } from '../src/source-files.ts'

function frame(functionName: string, url = ''): CallFrame {
  return { functionName, url, lineNumber: 0, columnNumber: 0 }
}

const LOCATE = 'file:///repository/packages/sst/src/locate.ts'
const TOTALS = 'file:///repository/bench/src/totals.ts'

/** A thread that is sampled each 10 µs from 1,000 on, in functions that a file of ours calls. */
function profileOf(...functions: readonly string[]): CpuProfile {
  const names = [...new Set(functions)]
  return {
    nodes: [
      { id: 0, callFrame: frame('locateKeys', LOCATE), children: names.map((_, i) => i + 1) },
      ...names.map((name, i) => ({ id: i + 1, callFrame: frame(name) })),
    ],
    startTime: 1000,
    samples: functions.map((name) => names.indexOf(name) + 1),
    timeDeltas: functions.map(() => 10),
  }
}

describe('shares of a profile', () => {
  test('count from the first span to the last, and no waiting', () => {
    const thread = profileOf('crc32', '(idle)', 'fdatasync', '(garbage collector)', 'utf8Write')
    const shares = sharesOf(
      [thread],
      [
        [990, 1005],
        [1015, 1041],
      ],
      sourceFiles(),
    )
    expect(shares).toEqual({
      busyMicros: 31,
      by: [
        { what: 'checksums', micros: 10 },
        { what: 'file: fdatasync', micros: 10 },
        { what: 'garbage collection', micros: 10 },
        { what: 'sst/locate', micros: 1 },
      ],
    })
  })

  test('count threads together', () => {
    const profiles = [profileOf('crc32'), profileOf('crc32', 'crc32')]
    const shares = sharesOf(profiles, [[1005, 1030]], sourceFiles())
    expect(shares).toEqual({ busyMicros: 20, by: [{ what: 'checksums', micros: 20 }] })
  })
})

test.each([
  ['waiting', [frame('(idle)')], NOT_COUNTED],
  ['the zlib handle', [frame('writeSync')], 'zstd'],
  ['the zlib module below ours', [frame('zstdDecompressSync', 'node:zlib'), frame('load', LOCATE)], 'zstd'],
  ['WebAssembly', [frame('decompress', 'wasm://wasm/1')], 'zstd'],
  [
    'what the collector does for anybody',
    [frame('(garbage collector)'), frame('add', TOTALS)],
    'garbage collection',
  ],
  ['our file', [frame('locateKeys', LOCATE), frame('add', TOTALS)], 'sst/locate'],
  ['what our file calls', [frame('readSync', 'node:fs'), frame('load', LOCATE)], 'sst/locate'],
  ['what the benchmark does', [frame('utf8Slice'), frame('add', TOTALS), frame('load', LOCATE)], NOT_COUNTED],
  ['what nobody of ours called', [frame('processTicks', 'node:internal')], 'Node and V8'],
])('%s', (_, stack, kind) => {
  expect(kindOf(stack, sourceFiles())).toBe(kind)
})
