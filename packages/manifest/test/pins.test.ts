import { describe, expect, test } from 'vitest'
import {
  applyEdit,
  filePaths,
  filesDropped,
  Pins,
  puffinPath,
  sstPath,
  type Change,
  type DatabaseState,
} from '../src/index.ts'
import {
  addFile,
  CREATE_USERS,
  dead,
  randomFrom,
  removeFile,
  setDead,
  sst,
  usersState,
  uuid,
} from './samples.ts'
import { randomEdit } from './random-edits.ts'

const NONE: ReadonlySet<string> = new Set()
const data = (n: number): string => sstPath('users', uuid(n))
const puffin = (n: number): string => puffinPath('users', uuid(n))

function next(state: DatabaseState, ...changes: Change[]): DatabaseState {
  return { ...applyEdit(state, { changes }), manifestId: state.manifestId + 1 }
}

const FIRST = usersState(addFile(sst(1, { dead: dead(90, 1) })), addFile(sst(2, { dead: dead(90, 2) })))

describe('a file is obsolete', () => {
  test('when the current version does not name it', () => {
    const pins = new Pins(FIRST)
    expect(pins.obsolete([data(1), data(2), data(3), puffin(90), puffin(91)], NONE)).toEqual([
      data(3),
      puffin(91),
    ])
    pins.install(next(FIRST, removeFile(1)))
    expect(pins.obsolete([data(1), data(2), puffin(90)], NONE)).toEqual([data(1)])
  })

  test('not while a version that names it is pinned, whatever was committed since', () => {
    const pins = new Pins(FIRST)
    const second = next(FIRST, removeFile(1), setDead(2, dead(91, 3)))
    const third = next(second, removeFile(2), addFile(sst(3)))
    const all = [data(1), data(2), data(3), puffin(90), puffin(91)]
    const onFirst = pins.pin(FIRST)
    pins.install(second)
    const onSecond = pins.pin(second)
    pins.install(third)
    expect(pins.obsolete(all, NONE)).toEqual([])
    onFirst.release()
    expect(pins.obsolete(all, NONE)).toEqual([data(1), puffin(90)])
    onSecond.release()
    expect(pins.obsolete(all, NONE)).toEqual([data(1), data(2), puffin(90), puffin(91)])
  })

  test('not before every pin of a version is released, each once', () => {
    const pins = new Pins(FIRST)
    const one = pins.pin(FIRST)
    const two = pins.pin(FIRST)
    pins.install(next(FIRST, removeFile(1)))
    one.release()
    one.release()
    expect(pins.obsolete([data(1)], NONE)).toEqual([])
    expect(pins.pinned).toBe(1)
    two.release()
    expect(pins.obsolete([data(1)], NONE)).toEqual([data(1)])
    expect(pins.pinned).toBe(0)
  })

  test('not while it is to be kept for others', () => {
    const pins = new Pins(FIRST)
    expect(pins.obsolete([data(8), data(9)], new Set([data(9)]))).toEqual([data(8)])
  })

  test('once, however often it is asked for', () => {
    expect(new Pins(FIRST).obsolete([data(9), data(9)], NONE)).toEqual([data(9)])
  })
})

describe('a pin', () => {
  test('can be taken on an old version only while another one holds it', () => {
    const pins = new Pins(FIRST)
    const pin = pins.pin(FIRST)
    pins.install(next(FIRST, removeFile(1)))
    const again = pins.pin(FIRST)
    pin.release()
    again.release()
    expect(() => pins.pin(FIRST)).toThrow(/version 1 is neither current nor pinned/)
  })

  test('ends with the block that it was taken in', () => {
    const pins = new Pins(FIRST)
    {
      using pin = pins.pin(FIRST)
      expect(pin.state).toBe(FIRST)
      expect(pins.pinned).toBe(1)
    }
    expect(pins.pinned).toBe(0)
  })

  test('does not let an older version be installed over a newer one', () => {
    const pins = new Pins(next(FIRST))
    expect(() => pins.install(FIRST)).toThrow(/version 1 cannot follow version 2/)
    expect(() => new Pins(FIRST).install(FIRST)).not.toThrow()
  })
})

describe('filesDropped', () => {
  test('names SSTs and Puffin files that went, but none that are still named', () => {
    const second = next(FIRST, removeFile(1), setDead(2, dead(90, 5)))
    expect(filesDropped(FIRST, second)).toEqual([data(1)])
    expect(filesDropped(second, next(second, setDead(2, dead(91, 5))))).toEqual([puffin(90)])
    expect(filesDropped(FIRST, FIRST)).toEqual([])
  })

  test('names all files of a dropped table', () => {
    const gone = next(FIRST, { kind: 'dropTable', tableId: 1 }, { ...CREATE_USERS, tableId: 2 } as Change)
    expect(filesDropped(FIRST, gone).toSorted()).toEqual([data(1), data(2), puffin(90)].toSorted())
  })

  test('is the difference of what two states name, after any edit', () => {
    const random = randomFrom(9)
    let state = FIRST
    let dropped = 0
    for (let i = 0; i < 2000; i++) {
      let after: DatabaseState
      try {
        after = applyEdit(state, randomEdit(state, random))
      } catch {
        continue
      }
      const remaining = filePaths(after)
      const expected = [...filePaths(state)].filter((path) => !remaining.has(path))
      expect(filesDropped(state, after).toSorted()).toEqual(expected.toSorted())
      dropped += expected.length
      state = after
    }
    expect(dropped).toBeGreaterThan(50)
  })
})
