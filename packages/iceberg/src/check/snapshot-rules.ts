import { numberText, recordOf, textOf, type JsonRecord } from './json-value.ts'
import type { LiveFile } from './manifest-rules.ts'
import { checkSamePartition } from './partition-rules.ts'
import type { Report } from './report.ts'

/** What is live in a snapshot. */
export interface SnapshotContents {
  readonly data: readonly LiveFile[]
  readonly deletes: readonly LiveFile[]
}

/** The rules for the live files of one snapshot together. */
export function checkContents({ data, deletes }: SnapshotContents, list: string, report: Report): void {
  const byPath = new Map<string, LiveFile>()
  for (const file of data) {
    report.require(!byPath.has(file.path), 'snapshot', list, `${file.path} is live twice`)
    byPath.set(file.path, file)
  }
  const about = new Map<string, LiveFile[]>()
  for (const file of deletes) {
    if (file.target === undefined) continue
    about.set(file.target, [...(about.get(file.target) ?? []), file])
  }
  for (const [target, files] of about) {
    const data = byPath.get(target)
    const vectors = files.filter((file) => file.isVector).length
    const isAlone = vectors === 0 || files.length === 1
    report.require(
      isAlone,
      'snapshot',
      list,
      `${vectors} of ${files.length} delete files about ${target} are deletion vectors`,
    )
    if (data === undefined) {
      report.add('snapshot', list, `${files[0].path} is about ${target}, which is not live`)
      continue
    }
    for (const file of files) checkSamePartition(data, file, list, report)
    for (const { path, sequence } of files) {
      report.require(data.sequence <= sequence, 'snapshot', list, `${path} is older than its data file`)
    }
    const isPartial = records(files) < data.records
    report.require(isPartial, 'snapshot', list, `${files[0].path} deletes every row of its data file`)
  }
}

/** No row of a snapshot is deleted twice. */
export function checkDisjoint(
  deletes: readonly LiveFile[],
  rowsOf: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>,
  list: string,
  report: Report,
): void {
  const seen = new Map<string, Set<number>>()
  for (const file of deletes) {
    if (file.isVector) continue
    for (const [target, positions] of rowsOf.get(file.path) ?? []) {
      const known = seen.get(target) ?? new Set<number>()
      seen.set(target, known)
      const before = known.size
      for (const position of positions) known.add(position)
      const isNew = known.size === before + positions.length
      report.require(
        isNew,
        'snapshot',
        list,
        `${file.path} deletes rows of ${target} that are deleted already`,
      )
    }
  }
}

/** Row ids of a snapshot: each row has one, no two the same, all given out. */
export function checkRowIds(
  snapshot: JsonRecord,
  data: readonly LiveFile[],
  list: string,
  report: Report,
): void {
  const end = BigInt(numberText(snapshot['first-row-id'])) + BigInt(numberText(snapshot['added-rows']) || 0)
  const numbered = data.filter((file) => file.firstRowId !== undefined)
  report.equal(numbered.length, data.length, 'row-id', list, 'the number of data files with row ids')
  let before = 0n
  for (const { path, firstRowId, records: rows } of numbered.toSorted((a, b) =>
    Number((a.firstRowId ?? 0n) - (b.firstRowId ?? 0n)),
  )) {
    const first = firstRowId ?? 0n
    report.require(first >= before, 'row-id', list, `${path} has row ids of another file`)
    report.require(first + rows <= end, 'row-id', list, `${path} has row ids that were not given out`)
    before = first + rows
  }
}

/** The summary against a recount; what was added and removed if the parent is known. */
export function checkSummary(
  snapshot: JsonRecord,
  contents: SnapshotContents,
  parent: SnapshotContents | undefined,
  list: string,
  report: Report,
): void {
  const summary = recordOf(snapshot['summary'])
  const { data, deletes } = contents
  const expect = (key: string, value: bigint | number): void => {
    report.equal(
      textOf(summary[key]),
      value,
      'summary',
      list,
      `${key} of snapshot ${numberText(snapshot['snapshot-id'])}`,
    )
  }
  expect('total-records', records(data))
  expect('total-data-files', data.length)
  expect('total-delete-files', deletes.length)
  expect('total-position-deletes', records(deletes))
  expect('total-equality-deletes', 0)
  expect('total-files-size', bytes(data) + bytes(deletes))
  expect('meru.live-records', records(data) - records(deletes))
  if (parent === undefined && snapshot['parent-snapshot-id'] !== undefined) return

  const before = parent ?? { data: [], deletes: [] }
  const addedData = without(data, before.data)
  const removedData = without(before.data, data)
  const addedDeletes = without(deletes, before.deletes)
  const removedDeletes = without(before.deletes, deletes)
  expect('added-data-files', addedData.length)
  expect('deleted-data-files', removedData.length)
  expect('added-records', records(addedData))
  expect('deleted-records', records(removedData))
  expect('added-delete-files', addedDeletes.length)
  expect('removed-delete-files', removedDeletes.length)
  expect('added-position-delete-files', addedDeletes.filter((file) => !file.isVector).length)
  expect('removed-position-delete-files', removedDeletes.filter((file) => !file.isVector).length)
  if (snapshot['first-row-id'] !== undefined) {
    expect('added-dvs', addedDeletes.filter((file) => file.isVector).length)
    expect('removed-dvs', removedDeletes.filter((file) => file.isVector).length)
  }
  expect('added-position-deletes', records(addedDeletes))
  expect('removed-position-deletes', records(removedDeletes))
  expect('added-files-size', bytes(addedData) + bytes(addedDeletes))
  expect('removed-files-size', bytes(removedData) + bytes(removedDeletes))

  const operation = textOf(summary['operation'])
  const takes = removedData.length + addedDeletes.length + removedDeletes.length
  const isAppend = operation !== 'append' || takes === 0
  report.require(isAppend, 'summary', list, 'operation append, though files left or rows were deleted')
  const isDelete = operation !== 'delete' || addedData.length === 0
  report.require(isDelete, 'summary', list, 'operation delete, though data files were added')
  const isReplace = operation !== 'replace' || live(contents) === live(before)
  report.require(isReplace, 'summary', list, 'operation replace, though the number of live rows changed')
}

function without(files: readonly LiveFile[], others: readonly LiveFile[]): LiveFile[] {
  const paths = new Set(others.map(identity))
  return files.filter((file) => !paths.has(identity(file)))
}

/** A Puffin file holds a deletion vector for each of several data files. */
function identity({ path, target, isVector }: LiveFile): string {
  return isVector ? `${path} ${target}` : path
}

function live({ data, deletes }: SnapshotContents): bigint {
  return records(data) - records(deletes)
}

function records(files: readonly LiveFile[]): bigint {
  return files.reduce((sum, file) => sum + file.records, 0n)
}

function bytes(files: readonly LiveFile[]): bigint {
  return files.reduce((sum, file) => sum + file.contentBytes, 0n)
}
