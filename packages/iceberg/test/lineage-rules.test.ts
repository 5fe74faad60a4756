import { expect, test } from 'vitest'
import { checkLineage, type StoredLineage } from '../src/check/lineage-rules.ts'
import type { LiveFile } from '../src/check/manifest-rules.ts'
import { Report } from '../src/check/report.ts'

function dataFile(path: string, firstRowId: bigint | undefined, records: bigint): LiveFile {
  const counts = { records, bytes: 100n, contentBytes: 100n, sequence: 3n }
  return {
    path,
    content: 0,
    ...counts,
    target: undefined,
    isVector: false,
    specId: 0,
    firstRowId,
    record: {},
    manifest: 'm.avro',
  }
}

/** A file that was merged, with ids 0 and 7 and a row without one, which is 21; and one that was not, with 10 to 14. */
const MERGED = dataFile('merged', 20n, 3n)
const PLAIN = dataFile('plain', 10n, 5n)
const STORED: StoredLineage = { rowIds: [0n, 7n, undefined], updated: [1n, 2n, undefined] }

function problemsOf(
  change: Partial<StoredLineage> = {},
  data: readonly LiveFile[] = [MERGED, PLAIN],
  endOfRowIds = 23n,
): string[] {
  const report = new Report()
  const stored = new Map([['merged', { ...STORED, ...change }]])
  checkLineage({ list: 'list', data, endOfRowIds, sequence: 3n }, stored, report)
  for (const { rule, file } of report.violations) expect([rule, file]).toEqual(['row-id', 'list'])
  return report.violations.map(({ problem }) => problem)
}

test('rows with ids of their own keep every rule', () => {
  expect(problemsOf()).toEqual([])
  expect(problemsOf({}, [MERGED, PLAIN, dataFile('of version 2', undefined, 5n)])).toEqual([])
})

const breaches: [name: string, problems: () => string[], problem: RegExp][] = [
  [
    'an id of two rows of a file',
    () => problemsOf({ rowIds: [7n, 7n, undefined] }),
    /row 1 of merged has the row id 7 of row 0/,
  ],
  [
    'an id that another row inherits',
    () => problemsOf({ rowIds: [0n, 22n, undefined] }),
    /row 2 of merged has the row id 22 of row 1/,
  ],
  [
    'the first id of another file',
    () => problemsOf({ rowIds: [10n, 7n, undefined] }),
    /row 0 of merged has the row id 10 of a row of plain/,
  ],
  [
    'the last id of another file',
    () => problemsOf({ rowIds: [0n, 14n, undefined] }),
    /row 1 of merged has the row id 14 of a row of plain/,
  ],
  [
    'an id that was never given out',
    () => problemsOf({ rowIds: [0n, 23n, undefined] }),
    /row id 23, never given out/,
  ],
  ['a negative id', () => problemsOf({ rowIds: [-1n, 7n, undefined] }), /row id -1, never given out/],
  [
    'an inherited id beyond those given out',
    () => problemsOf({}, [MERGED, PLAIN], 22n),
    /row id 22, never given out/,
  ],
  [
    'a change after the snapshot',
    () => problemsOf({ updated: [1n, 4n, undefined] }),
    /row 1 of merged was updated with sequence number 4/,
  ],
]

test.each(breaches)('%s is told', (_name, problems, problem) => {
  const found = problems()
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(problem)
})

test('ids next to those of another file are no breach', () => {
  expect(problemsOf({ rowIds: [9n, 15n, undefined] })).toEqual([])
})
