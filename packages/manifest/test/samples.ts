import type { TableSchema } from '@meru/core'
import type { Environment } from '@meru/fs'
import {
  applyEdit,
  emptyState,
  type Change,
  type DatabaseState,
  type DeadRef,
  type SstFile,
  type TableState,
} from '../src/index.ts'

/** Mulberry32: an integer in [0, bound). */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

/** The nth UUID of a test. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}

/** Time that stands still, and UUIDs that count up; `ids` keeps environments of one test apart. */
export function sampleEnvironment(ids = 0xe00000): Environment {
  let next = ids
  const random = randomFrom(ids)
  return {
    now: () => Date.UTC(2026, 0, 1),
    elapsed: () => 0,
    uuid: () => uuid(next++),
    random,
    after: () => {
      throw new TypeError('nothing here waits')
    },
    yield: () => Promise.resolve(),
  }
}

export const USERS_SCHEMA: TableSchema = {
  schemaId: 0,
  columns: [
    { id: 10, name: 'id', type: { kind: 'int' }, required: true },
    { id: 11, name: 'name', type: { kind: 'string' }, required: false },
  ],
  key: [10],
  lastColumnId: 11,
}

export const WIDER_SCHEMA: TableSchema = {
  ...USERS_SCHEMA,
  schemaId: 1,
  columns: [...USERS_SCHEMA.columns, { id: 12, name: 'age', type: { kind: 'int' }, required: false }],
  lastColumnId: 12,
}

export const CREATE_USERS: Change = {
  kind: 'createTable',
  tableId: 1,
  name: 'users',
  schema: USERS_SCHEMA,
  properties: {},
}

/** An SST with one-byte keys. */
export function sst(n: number, overrides: Partial<SstFile> = {}): SstFile {
  return {
    id: uuid(n),
    level: 0,
    schemaId: 0,
    rows: 10,
    bytes: 1000,
    hash: '0'.repeat(64),
    minKey: Uint8Array.of(0),
    maxKey: Uint8Array.of(255),
    minSeqno: n,
    maxSeqno: n,
    splitOffsets: [4],
    columns: [
      {
        id: 10,
        values: 10,
        nulls: 0,
        lower: Uint8Array.of(0, 0, 0, 0),
        upper: Uint8Array.of(9, 0, 0, 0),
        bytes: 80,
      },
      { id: 11, values: 10, nulls: 10, bytes: 20 },
    ],
    ...overrides,
  }
}

export function dead(n: number, cardinality: number): DeadRef {
  return { file: uuid(n), offset: 4, length: 40, cardinality }
}

/** A state with the table `users` (id 1) after these changes, made by epoch 1. */
export function usersState(...changes: readonly Change[]): DatabaseState {
  return applyEdit(
    { ...emptyState(), manifestId: 1, epoch: 1, owner: 'writer' },
    { changes: [CREATE_USERS, ...changes] },
  )
}

export function users(state: DatabaseState): TableState {
  const table = state.tables.get(1)
  if (table === undefined) throw new Error('there is no table users')
  return table
}

/** The files of one level in the order that the table has them. */
export function atLevel(table: TableState, level: number): SstFile[] {
  return table.files.filter((file) => file.level === level)
}

export const addFile = (file: SstFile): Change => ({ kind: 'addFile', tableId: 1, file })
export const removeFile = (n: number): Change => ({ kind: 'removeFile', tableId: 1, fileId: uuid(n) })
export const setDead = (n: number, ref: DeadRef): Change => ({
  kind: 'setDead',
  tableId: 1,
  fileId: uuid(n),
  dead: ref,
})

/** A state without who made it, as text for comparison. */
export function content({ tables, lastSeqno, walFloor, nextTableId }: DatabaseState): string {
  return JSON.stringify({ tables: [...tables.values()], lastSeqno, walFloor, nextTableId })
}
