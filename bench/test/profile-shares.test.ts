import { describe, expect, test } from 'vitest'
import { kindOf, sharesOf, type CallFrame, type CpuProfile } from '../src/profile-shares.ts'
import { sourceFiles } from '../src/source-files.ts'

function frame(functionName: string, url = ''): CallFrame {
  return { functionName, url, lineNumber: 0, columnNumber: 0 }
}

/** A thread that is sampled each 10 µs from 1,000 on. */
function profileOf(...functions: readonly string[]): CpuProfile {
  const names = [...new Set(functions)]
  return {
    nodes: names.map((name, id) => ({ id, callFrame: frame(name) })),
    startTime: 1000,
    samples: functions.map((name) => names.indexOf(name)),
    timeDeltas: functions.map(() => 10),
  }
}

const sourceOf = (): undefined => undefined

describe('shares of a profile', () => {
  test('count what lies within the spans, and no waiting', () => {
    const thread = profileOf('crc32', '(idle)', 'fdatasync', '(garbage collector)', 'crc32')
    const shares = sharesOf(
      [thread],
      [
        [990, 1005],
        [1015, 1032],
      ],
      sourceOf,
    )
    expect(shares).toEqual({
      busyMicros: 17,
      by: [
        { what: 'file: fdatasync', micros: 10 },
        { what: 'checksums', micros: 5 },
        { what: 'garbage collection', micros: 2 },
      ],
    })
  })

  test('count short spans within one sample, and threads together', () => {
    const spans = [
      [1001, 1002],
      [1003, 1005],
      [1040, 1050],
    ] as const
    const shares = sharesOf([profileOf('crc32'), profileOf('crc32', 'crc32')], spans, sourceOf)
    expect(shares).toEqual({ busyMicros: 6, by: [{ what: 'checksums', micros: 6 }] })
  })
})

test('samples are named by what they are of', () => {
  const sources = sourceFiles()
  const kinds = (
    [
      ['(idle)', ''],
      ['writeSync', ''],
      ['decompress', 'wasm://wasm/1'],
      ['zstdDecompressSync', 'node:zlib'],
      ['readSync', 'node:fs'],
      ['(program)', ''],
      ['add', 'file:///repository/bench/src/totals.ts'],
      ['locateKeys', 'file:///repository/packages/sst/src/locate.ts'],
    ] as const
  ).map(([name, url]) => kindOf(frame(name, url), sources))
  expect(kinds).toEqual([
    undefined,
    'zstd',
    'zstd',
    'zstd',
    'Node and V8',
    'Node and V8',
    'the benchmark',
    'sst/locate',
  ])
})
