import { numberText, recordOf, textOf, type JsonRecord } from './json-value.ts'
import type { LiveFile } from './manifest-rules.ts'
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
  const targets = new Set<string>()
  for (const file of deletes) {
    const target = file.target ?? ''
    const isFirst = !targets.has(target)
    report.require(isFirst, 'snapshot', list, `two delete files are about ${target}`)
    targets.add(target)
    const about = byPath.get(target)
    if (about === undefined) {
      report.add('snapshot', list, `${file.path} is about ${target}, which is not live`)
      continue
    }
    report.require(
      about.sequence <= file.sequence,
      'snapshot',
      list,
      `${file.path} is older than its data file`,
    )
    report.require(
      file.records < about.records,
      'snapshot',
      list,
      `${file.path} deletes every row of its data file`,
    )
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
  expect('added-position-delete-files', addedDeletes.length)
  expect('removed-position-delete-files', removedDeletes.length)
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
  const paths = new Set(others.map((file) => file.path))
  return files.filter((file) => !paths.has(file.path))
}

function live({ data, deletes }: SnapshotContents): bigint {
  return records(data) - records(deletes)
}

function records(files: readonly LiveFile[]): bigint {
  return files.reduce((sum, file) => sum + file.records, 0n)
}

function bytes(files: readonly LiveFile[]): bigint {
  return files.reduce((sum, file) => sum + file.bytes, 0n)
}
