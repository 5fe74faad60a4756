import { expect, test } from 'vitest'
import * as api from '../src/index.ts'

/** What a release may add to and never take from. Types are held by the tests of types. */
const NAMES = [
  'Batch',
  'ConflictError',
  'CorruptionError',
  'DEFAULT_SETTINGS',
  'Database',
  'MeruError',
  'RowBatch',
  'RowScan',
  'S3Fs',
  'Snapshot',
  'Table',
  'Transaction',
  'WriteHandle',
  'checkIceberg',
  'icebergBucket',
  'open',
  'openTable',
  'rebaseIceberg',
  'registerIceberg',
  'restore',
  'startsWith',
  't',
  'table',
  'tableFromZod',
  'verify',
]

/** Methods and accessors of a class, without those of the language. */
function membersOf(type: { readonly prototype: object }): string[] {
  return Object.getOwnPropertyNames(type.prototype)
    .filter((name) => name !== 'constructor')
    .toSorted()
}

test('the names that the package exports', () => {
  expect(Object.keys(api).toSorted()).toEqual(NAMES)
})

test.each([
  [
    api.Database,
    [
      'backup',
      'batch',
      'checkpoint',
      'close',
      'compact',
      'dropTable',
      'flush',
      'openSole',
      'path',
      'snapshot',
      'stats',
      'storedTable',
      'table',
      'tableNames',
      'transaction',
    ],
  ],
  [
    api.Table,
    [
      'alter',
      'at',
      'close',
      'compact',
      'count',
      'delete',
      'deleteMany',
      'exportIceberg',
      'flush',
      'forgetExport',
      'get',
      'getMany',
      'getSync',
      'getWithVersion',
      'has',
      'ingest',
      'name',
      'put',
      'putMany',
      'referencedExports',
      'scan',
      'schema',
      'stats',
    ],
  ],
  [api.RowScan, ['batches', 'count', 'first', 'toArray']],
  [api.RowBatch, ['column', 'columns', 'rows', 'values']],
  [api.Snapshot, ['close', 'hold', 'viewOf']],
  [api.Batch, ['delete', 'end', 'put', 'tables']],
  [api.Transaction, ['count', 'delete', 'end', 'get', 'getMany', 'has', 'put', 'putMany', 'scan']],
  [api.WriteHandle, ['durable', 'then']],
])('the members of $name', (type, members) => {
  expect(membersOf(type as never)).toEqual(members)
})

test('every error has a code or is a TypeError', () => {
  expect(new api.CorruptionError({ file: 'a', offset: 3 }, 'broken')).toMatchObject({
    code: 'CORRUPT',
    file: 'a',
    offset: 3,
  })
  expect(new api.MeruError('IO', 'x')).toBeInstanceOf(Error)
})
