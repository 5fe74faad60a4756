import { expect, test } from 'vitest'
import type { ContentFile, LiveEntry, LoadedManifest } from '../src/manifest-entry.ts'
import { planManifests } from '../src/manifest-plan.ts'

const SNAPSHOT = 99

function file(path: string): ContentFile {
  return { file_path: path, content_offset: null, record_count: 10, partition: {} } as ContentFile
}

function manifest(name: string, paths: readonly string[], content: 0 | 1 = 0): LoadedManifest {
  const live = paths.map((path): LiveEntry => ({
    status: 0,
    snapshot_id: 1,
    sequence_number: 1,
    file_sequence_number: 1,
    data_file: file(path),
  }))
  return { row: { manifest_path: name, content, partition_spec_id: 0 } as LoadedManifest['row'], live }
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}

/** The plan in short: kept manifests by name, drafts as content, then entries as status and path. */
function plan(
  manifests: readonly LoadedManifest[],
  gone: readonly string[],
  added: readonly string[] = [],
): unknown {
  const changes = { addedData: added.map(file), addedDeletes: [], gone: new Set(gone) }
  const { kept, drafts, replaced } = planManifests(manifests, changes, SNAPSHOT)
  return {
    kept: kept.map(({ row }) => row.manifest_path),
    drafts: drafts.map(({ content, entries }) =>
      [content, ...entries.map((entry) => `${'EAD'[entry.status]} ${entry.data_file.file_path}`)].join(' '),
    ),
    replaced,
  }
}

const A = manifest('A', ['a1', 'a2'])
const B = manifest('B', ['b1'])
const DELETES = manifest('X', ['x1', 'x2'], 1)

test.each([
  ['nothing changes', plan([A, B], []), { kept: ['A', 'B'], drafts: [], replaced: 0 }],
  ['a file comes', plan([A], [], ['c']), { kept: ['A'], drafts: ['0 A c'], replaced: 0 }],
  [
    'a file leaves others behind',
    plan([A, B], ['a1']),
    { kept: ['B'], drafts: ['0 E a2 D a1'], replaced: 1 },
  ],
  ['the last file leaves', plan([A, B], ['b1']), { kept: ['A'], drafts: ['0 D b1'], replaced: 1 }],
  [
    'last files leave with what is new',
    plan([A, B], ['a1', 'a2', 'b1'], ['c']),
    { kept: [], drafts: ['0 A c D a1 D a2 D b1'], replaced: 2 },
  ],
  [
    'contents stay apart',
    plan([B, DELETES], ['b1', 'x1']),
    { kept: [], drafts: ['0 D b1', '1 E x2 D x1'], replaced: 2 },
  ],
  [
    'a manifest without live files is dropped',
    plan([manifest('C', [])], []),
    { kept: [], drafts: [], replaced: 0 },
  ],
])('%s', (_name, actual, expected) => {
  expect(actual).toEqual(expected)
})

test('deleted entries name the snapshot that removes the file', () => {
  const { drafts } = planManifests([A], { addedData: [], addedDeletes: [], gone: new Set(['a1']) }, SNAPSHOT)
  expect(drafts[0].entries).toMatchObject([
    { status: 0, snapshot_id: 1, sequence_number: 1 },
    { status: 2, snapshot_id: SNAPSHOT, sequence_number: 1 },
  ])
})

test('eight manifests of one size become one, others stay', () => {
  const small = numbered('s', 8).map((name) => manifest(name, [name]))
  const large = numbered('l', 7).map((name) => manifest(name, numbered(name, 20)))
  const huge = numbered('h', 9).map((name) => manifest(name, numbered(name, 600)))
  expect(plan([...small, ...large, ...huge], [])).toEqual({
    kept: [...numbered('l', 7), ...numbered('h', 9)],
    drafts: [`0 ${numbered('E s', 8).join(' ')}`],
    replaced: 8,
  })
})

test('manifests of data and of deletes are never merged', () => {
  const mixed = numbered('m', 14).map((name, i) => manifest(name, [name], i < 7 ? 0 : 1))
  expect(plan(mixed, [])).toMatchObject({ kept: numbered('m', 14), drafts: [] })
})
