import { describe, expect, test } from 'vitest'
import {
  compareWalFloors,
  currentSchema,
  emptyState,
  filePaths,
  findFile,
  findTable,
  liveRows,
  puffinPath,
  schemaById,
  sstPath,
  stateProblem,
  type DatabaseState,
  type TableState,
} from '../src/index.ts'
import {
  atLevel,
  addFile,
  dead,
  sst,
  users,
  USERS_SCHEMA,
  usersState,
  uuid,
  WIDER_SCHEMA,
} from './samples.ts'

const STATE = usersState(
  addFile(sst(1)),
  addFile(sst(2, { dead: dead(90, 4) })),
  addFile(sst(3, { level: 2, minKey: Uint8Array.of(9), maxKey: Uint8Array.of(9) })),
  { kind: 'setSchema', tableId: 1, schema: WIDER_SCHEMA },
)

test('tables, files and schemas are found by name and id', () => {
  const table = users(STATE)
  expect(findTable(STATE, 'users')).toBe(table)
  expect(findTable(STATE, 'Users')).toBeUndefined()
  expect(findFile(table, uuid(2))).toBe(table.files[0])
  expect(findFile(table, uuid(9))).toBeUndefined()
  expect(currentSchema(table)).toBe(WIDER_SCHEMA)
  expect(schemaById(table, 0)).toBe(USERS_SCHEMA)
  expect(() => schemaById(table, 2)).toThrow(/table users has no schema 2/)
})

test('levels without files are empty', () => {
  expect([0, 1, 2, 3].map((level) => atLevel(users(STATE), level).length)).toEqual([2, 0, 1, 0])
  expect(atLevel({ ...users(STATE), files: [] }, 0)).toEqual([])
})

test('live rows are those that are not dead', () => {
  expect(users(STATE).files.map(liveRows)).toEqual([6, 10, 10])
})

test('a state names its SSTs and their Puffin files', () => {
  expect([...filePaths(STATE)].toSorted()).toEqual(
    [...[1, 2, 3].map((n) => sstPath('users', uuid(n))), puffinPath('users', uuid(90))].toSorted(),
  )
})

test('log floors are ordered by epoch, then by segment', () => {
  const floors = [
    { epoch: 1, segment: 9 },
    { epoch: 2, segment: 1 },
    { epoch: 2, segment: 2 },
  ]
  expect(floors.toReversed().toSorted(compareWalFloors)).toEqual(floors)
  expect(compareWalFloors(floors[0], { ...floors[0] })).toBe(0)
})

describe('stateProblem', () => {
  const table = users(STATE)
  const withTable = (changes: Partial<TableState>): DatabaseState => ({
    ...STATE,
    tables: new Map([[1, { ...table, ...changes }]]),
  })
  const [newest, older, deep] = table.files

  test('finds none in good states', () => {
    expect(stateProblem(emptyState())).toBeUndefined()
    expect(stateProblem(STATE)).toBeUndefined()
  })

  test.each<[string, DatabaseState, RegExp]>([
    ['a table under another id', { ...STATE, tables: new Map([[2, table]]) }, /table id 2/],
    ['a table id that is still to come', { ...STATE, nextTableId: 1 }, /below the next table id 1/],
    [
      'two tables of one name',
      {
        ...STATE,
        nextTableId: 3,
        tables: new Map([...STATE.tables, [2, { ...table, id: 2, name: 'Users' }]]),
      },
      /two tables are named Users/,
    ],
    ['a table name that is a path', withTable({ name: 'a/b' }), /no such name is allowed/],
    ['a table without schema', withTable({ schemas: [] }), /there is no schema/],
    [
      'a first schema that is not the first',
      withTable({ schemas: [WIDER_SCHEMA] }),
      /the first schema has id 1/,
    ],
    ['an old schema as the current one', withTable({ schemaId: 0 }), /schema 0 is not the last one/],
    [
      'a gap in the schemas',
      withTable({ schemas: [USERS_SCHEMA, { ...WIDER_SCHEMA, schemaId: 2 }], schemaId: 1 }),
      /must be 1/,
    ],
    ['an SST twice', withTable({ files: [newest, newest, older, deep] }), /is there twice/],
    ['files out of order', withTable({ files: [older, newest, deep] }), /is out of order/],
    [
      'an SST that is all dead',
      withTable({ files: [{ ...newest, dead: dead(90, 10) }] }),
      /all 10 rows are dead/,
    ],
    ['a seqno above the last one', { ...STATE, lastSeqno: 2 }, /holds seqno 3, above the last one, 2/],
    ['a flushed seqno above the last one', withTable({ flushedSeqno: 99 }), /holds seqno 99/],
    [
      'a log floor above the epoch',
      { ...STATE, walFloor: { epoch: 2, segment: 0 } },
      /epoch 2, above the writer's epoch 1/,
    ],
  ])('finds %s', (_what, state, problem) => {
    expect(stateProblem(state)).toMatch(problem)
  })
})
