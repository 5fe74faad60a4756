import type { TableSchema } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { applyEdit, currentSchema, findFile, type Change, type DatabaseState } from '../src/index.ts'
import {
  atLevel,
  addFile,
  CREATE_USERS,
  dead,
  removeFile,
  setDead,
  sst,
  USERS_SCHEMA,
  users,
  usersState,
  uuid,
  WIDER_SCHEMA,
} from './samples.ts'

const deep = (n: number, level: number, low: number, high: number): Change =>
  addFile(sst(n, { level, minKey: Uint8Array.of(low), maxKey: Uint8Array.of(high) }))

const setSchema = (schema: TableSchema): Change => ({ kind: 'setSchema', tableId: 1, schema })
const flushed = (seqno: number): Change => ({ kind: 'setFlushedSeqno', tableId: 1, seqno })
const floor = (epoch: number, segment: number): Change => ({ kind: 'setWalFloor', floor: { epoch, segment } })
const move = (n: number, level: number): Change => ({ kind: 'moveFile', tableId: 1, fileId: uuid(n), level })

/** Two level-0 files, of which one has dead rows, and a schema change. */
const BASE: DatabaseState = usersState(
  addFile(sst(5)),
  addFile(sst(7, { dead: dead(90, 3) })),
  setSchema(WIDER_SCHEMA),
  flushed(7),
  floor(1, 4),
)

describe('an edit is refused', () => {
  const refused: readonly [why: string, changes: readonly Change[], problem: RegExp][] = [
    ['when a file is added twice', [addFile(sst(5))], /SST \S+05 is in this version already/],
    [
      'when a removed file comes back',
      [removeFile(5), addFile(sst(5))],
      /05 was removed; ids are never reused/,
    ],
    ['when an unknown file is removed', [removeFile(6)], /there is no SST \S+06 in this version/],
    ['when an unknown file is killed', [setDead(6, dead(91, 1))], /there is no SST \S+06/],
    ['when an unknown file is moved', [move(6, 1)], /there is no SST \S+06/],
    ['when an unknown table is meant', [{ ...removeFile(5), tableId: 2 } as Change], /no table with id 2/],
    ['when a file has no rows', [addFile(sst(8, { rows: 0 }))], /0 rows; an SST without rows/],
    [
      'when a file has an unknown schema',
      [addFile(sst(8, { schemaId: 2 }))],
      /schema 2 is none of the table's 2/,
    ],
    ['when a file id is no UUID', [addFile(sst(8, { id: '../x' }))], /"..\/x" is not a lower-case UUID/],
    [
      'when a file id has capitals',
      [addFile(sst(8, { id: uuid(0xabc).toUpperCase() }))],
      /not a lower-case UUID/,
    ],
    ['when a hash is cut', [addFile(sst(8, { hash: 'ab' }))], /hash "ab" is not a SHA-256/],
    ['when a level is negative', [addFile(sst(8, { level: -1 }))], /level -1/],
    [
      'when seqnos are reversed',
      [addFile(sst(8, { minSeqno: 9, maxSeqno: 8 }))],
      /seqnos 9 to 8 are no range/,
    ],
    [
      'when keys are reversed',
      [addFile(sst(8, { minKey: Uint8Array.of(2), maxKey: Uint8Array.of(1, 255) }))],
      /lowest key 02 is above the highest 01ff/,
    ],
    ['when dead rows become fewer', [setDead(7, dead(91, 2))], /2 dead rows after 3; dead rows only grow/],
    ['when dead rows exceed rows', [setDead(7, dead(91, 11))], /11 dead rows of 10/],
    ['when a file is all dead', [setDead(7, dead(91, 10))], /all 10 rows are dead; .* in the same commit/],
    ['when a file is added all dead', [addFile(sst(8, { dead: dead(91, 10) }))], /all 10 rows are dead/],
    ['when no row is dead', [setDead(5, dead(91, 0))], /0 dead rows/],
    ['when a dead blob is empty', [setDead(5, { ...dead(91, 1), length: 0 })], /0 bytes at 4 of Puffin file/],
    ['when a Puffin id is no UUID', [setDead(5, { ...dead(91, 1), file: 'x' })], /Puffin file id "x"/],
    [
      'when deeper files overlap',
      [deep(8, 1, 1, 5), deep(9, 1, 5, 9)],
      /08 .* and \S+09 .* overlap at level 1/,
    ],
    ['when a move makes an overlap', [deep(8, 1, 1, 5), move(7, 1)], /overlap at level 1/],
    ['when a file moves to level 0', [deep(8, 1, 1, 5), move(8, 0)], /08 cannot move to level 0/],
    ['when a flushed seqno decreases', [flushed(6)], /flushed seqno 6 after 7; it never decreases/],
    ['when the log floor moves back', [floor(1, 3)], /log floor 1-3 after 1-4; it never moves back/],
    ['when the log floor is in another epoch', [floor(2, 0)], /log floor 2-0 is above the writer's epoch 1/],
    ['when a seqno is no integer', [{ kind: 'setLastSeqno', seqno: 1.5 }], /seqno 1.5/],
    [
      'when a table id was used',
      [{ ...CREATE_USERS, name: 'b' } as Change],
      /"b" \(id 1\): the next table id is 2/,
    ],
    [
      'when a table id is skipped',
      [{ ...CREATE_USERS, name: 'b', tableId: 3 } as Change],
      /the next table id is 2/,
    ],
    [
      'when a table name is taken',
      [{ ...CREATE_USERS, tableId: 2 } as Change],
      /table users \(id 1\) has that name/,
    ],
    [
      'when a table name differs in case only',
      [{ ...CREATE_USERS, tableId: 2, name: 'USERS' } as Change],
      /table users \(id 1\) has that name, case aside/,
    ],
    [
      'when a table name is a path',
      [{ ...CREATE_USERS, tableId: 2, name: '../x' } as Change],
      /a name has 1 to 128/,
    ],
    [
      'when a table name is a device',
      [{ ...CREATE_USERS, tableId: 2, name: 'Nul' } as Change],
      /a name has 1 to 128/,
    ],
    [
      'when a first schema is not the first',
      [{ ...CREATE_USERS, tableId: 2, name: 'b', schema: WIDER_SCHEMA } as Change],
      /the first schema must have id 0, not 1/,
    ],
    [
      'when a schema has no key',
      [{ ...CREATE_USERS, tableId: 2, name: 'b', schema: { ...USERS_SCHEMA, key: [] } } as Change],
      /it has no key/,
    ],
    ['when a schema id is repeated', [setSchema(WIDER_SCHEMA)], /schema id 1 must be 2, one above the last/],
    [
      'when a schema changes the key',
      [setSchema({ ...WIDER_SCHEMA, schemaId: 2, key: [12] })],
      /key \[12\] differs from \[10\]/,
    ],
    [
      'when a schema changes the type of a key column',
      [
        setSchema({
          ...WIDER_SCHEMA,
          schemaId: 2,
          columns: [
            { id: 10, name: 'id', type: { kind: 'long' }, required: true },
            ...WIDER_SCHEMA.columns.slice(1),
          ],
        }),
      ],
      /"id" \(id 10\) is part of the key and cannot change from int to long/,
    ],
    [
      'when a dropped column id comes back',
      [
        setSchema({ ...WIDER_SCHEMA, schemaId: 2, columns: WIDER_SCHEMA.columns.slice(0, 2) }),
        setSchema({ ...WIDER_SCHEMA, schemaId: 3 }),
      ],
      /"age" \(id 12\) was dropped from the table; column ids are never reused/,
    ],
    [
      'when the last column id decreases',
      [
        setSchema({
          ...WIDER_SCHEMA,
          schemaId: 2,
          columns: WIDER_SCHEMA.columns.slice(0, 2),
          lastColumnId: 11,
        }),
      ],
      /last column id 11 is below 12/,
    ],
  ]

  test.each(refused)('%s', (_why, changes, problem) => {
    const before = structuredClone(BASE)
    let thrown: unknown
    try {
      applyEdit(BASE, { changes })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'INVALID', message: expect.stringMatching(problem) })
    expect(BASE).toEqual(before)
  })
})

describe('an edit', () => {
  const apply = (...changes: Change[]): DatabaseState => applyEdit(BASE, { changes })

  test('keeps level 0 newest first and deeper levels by key', () => {
    const state = apply(deep(20, 2, 7, 9), deep(21, 1, 5, 6), deep(22, 1, 1, 2), addFile(sst(6)))
    expect(atLevel(users(state), 0).map((file) => file.id)).toEqual([uuid(7), uuid(6), uuid(5)])
    expect(atLevel(users(state), 1).map((file) => file.id)).toEqual([uuid(22), uuid(21)])
    expect(atLevel(users(state), 2).map((file) => file.id)).toEqual([uuid(20)])
    expect(atLevel(users(state), 3)).toEqual([])
  })

  test('replaces files of a level in one step', () => {
    const before = apply(deep(20, 1, 1, 5))
    const after = applyEdit(before, { changes: [deep(21, 1, 1, 3), deep(22, 1, 4, 5), removeFile(20)] })
    expect(atLevel(users(after), 1).map((file) => file.id)).toEqual([uuid(21), uuid(22)])
  })

  test('lets dead rows grow, and stay as many in another Puffin file', () => {
    const state = apply(setDead(7, dead(91, 3)), setDead(5, dead(91, 9)))
    expect(findFile(users(state), uuid(7))?.dead).toEqual(dead(91, 3))
    expect(findFile(users(state), uuid(5))?.dead).toEqual(dead(91, 9))
  })

  test('moves a file with its dead rows', () => {
    const moved = findFile(users(apply(removeFile(5), move(7, 3))), uuid(7))
    expect(moved).toEqual(sst(7, { level: 3, dead: dead(90, 3) }))
  })

  test('shares what it does not touch', () => {
    const other: Change = { ...CREATE_USERS, tableId: 2, name: 'other' } as Change
    const before = apply(other)
    const after = applyEdit(before, { changes: [removeFile(5)] })
    expect(after.tables.get(2)).toBe(before.tables.get(2))
    expect(findFile(users(after), uuid(7))).toBe(findFile(users(before), uuid(7)))
    expect(users(after).schemas).toBe(users(before).schemas)
    expect(applyEdit(before, { changes: [floor(1, 9)] }).tables).toBe(before.tables)
  })

  test('raises the last seqno to what its files hold and its flushes cover', () => {
    expect(BASE.lastSeqno).toBe(7)
    expect(apply(addFile(sst(30))).lastSeqno).toBe(30)
    expect(apply(flushed(31)).lastSeqno).toBe(31)
    expect(apply({ kind: 'setLastSeqno', seqno: 32 }).lastSeqno).toBe(32)
    expect(apply({ kind: 'setLastSeqno', seqno: 1 }).lastSeqno).toBe(7)
  })

  test('counts a new table as flushed up to its making', () => {
    const state = apply({ ...CREATE_USERS, tableId: 2, name: 'b' } as Change)
    expect(state.tables.get(2)).toMatchObject({ name: 'b', flushedSeqno: 7, files: [], schemaId: 0 })
    expect(state.nextTableId).toBe(3)
  })

  test('gives the name of a dropped table away, but not its id', () => {
    const state = apply({ kind: 'dropTable', tableId: 1 }, { ...CREATE_USERS, tableId: 2 } as Change)
    expect([...state.tables.keys()]).toEqual([2])
    expect(state.tables.get(2)?.name).toBe('users')
    expect(() => applyEdit(state, { changes: [removeFile(5)] })).toThrow(/no table with id 1/)
  })

  test('that drops a table drops what it changed in it too', () => {
    const state = apply(addFile(sst(30)), { kind: 'dropTable', tableId: 1 })
    expect(state.tables.size).toBe(0)
  })

  test('sets, replaces and removes properties of any name', () => {
    const set = (name: string, value: string | null): Change => ({
      kind: 'setProperty',
      tableId: 1,
      name,
      value,
    })
    const state = apply(set('a', '1'), set('__proto__', '2'), set('a', '3'), set('b', '4'), set('b', null))
    expect(Object.entries(users(state).properties)).toEqual([
      ['__proto__', '2'],
      ['a', '3'],
    ])
  })

  test('may change the type of a column outside the key', () => {
    const [id, name, age] = WIDER_SCHEMA.columns
    const wider: TableSchema = {
      ...WIDER_SCHEMA,
      schemaId: 2,
      columns: [id, name, { ...age, type: { kind: 'long' } }],
    }
    expect(currentSchema(users(apply(setSchema(wider))))).toBe(wider)
  })

  test('makes the newest schema current and keeps the older ones', () => {
    expect(users(BASE)).toMatchObject({ schemaId: 1, schemas: [USERS_SCHEMA, WIDER_SCHEMA] })
  })

  test('without changes gives an equal state', () => {
    expect(apply()).toEqual(BASE)
  })
})
