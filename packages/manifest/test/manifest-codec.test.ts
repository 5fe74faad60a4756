import { CorruptionError } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { HEADER_BYTES, OFFSET_CRC, OFFSET_VERSION } from '../src/format.ts'
import { checksumOf, decodeManifest, encodeManifest, type ManifestFile } from '../src/manifest-codec.ts'
import {
  addFile,
  dead,
  randomFrom,
  removeFile,
  setDead,
  sst,
  usersState,
  uuid,
  WIDER_SCHEMA,
} from './samples.ts'

const LINK = { previous: 0xdeadbeef, noLinks: false }

const EDIT: ManifestFile = {
  kind: 'edit',
  manifestId: 8,
  epoch: 2,
  owner: uuid(1),
  base: 5,
  ...LINK,
  edit: {
    changes: [
      addFile(sst(5, { dead: dead(90, 3), columns: [{ id: 10, values: 1, nulls: 0, nans: 0, bytes: 1 }] })),
      removeFile(4),
      setDead(3, dead(91, 1)),
      { kind: 'moveFile', tableId: 1, fileId: uuid(2), level: 2 },
      { kind: 'setSchema', tableId: 1, schema: WIDER_SCHEMA },
      { kind: 'setProperty', tableId: 1, name: 'ключ', value: '\ud83d\ude00 "\u0000' },
      { kind: 'setProperty', tableId: 1, name: '__proto__', value: null },
      { kind: 'setFlushedSeqno', tableId: 1, seqno: Number.MAX_SAFE_INTEGER },
      { kind: 'setWalFloor', floor: { epoch: 2, segment: 9 } },
      { kind: 'setLastSeqno', seqno: 12 },
      {
        kind: 'createTable',
        tableId: 2,
        name: 'b',
        schema: { ...WIDER_SCHEMA, schemaId: 0 },
        properties: { a: 'b' },
      },
      { kind: 'dropTable', tableId: 2 },
    ],
  },
}

const state = usersState(addFile(sst(5)), addFile(sst(6, { dead: dead(90, 3), minKey: new Uint8Array(0) })), {
  kind: 'setProperty',
  tableId: 1,
  name: 'p',
  value: '',
})
const STATE: ManifestFile = {
  kind: 'state',
  manifestId: 1,
  epoch: 1,
  owner: 'writer',
  base: 1,
  ...LINK,
  state,
}

/** Bytes of a manifest after a change of them that the checksum covers. */
function resealed(bytes: Uint8Array, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  change(copy, view)
  view.setUint32(OFFSET_CRC, checksumOf(copy), true)
  return copy
}

function withBody(file: ManifestFile, edit: (body: string) => string): Uint8Array {
  const whole = encodeManifest(file)
  const text = edit(new TextDecoder().decode(whole.subarray(HEADER_BYTES)))
  const body = new TextEncoder().encode(text)
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  bytes.set(whole.subarray(0, HEADER_BYTES))
  bytes.set(body, HEADER_BYTES)
  return resealed(bytes, (_, view) => view.setUint32(36, body.length, true))
}

function decodeError(bytes: Uint8Array, manifestId: number): unknown {
  try {
    decodeManifest(bytes, 'manifest/x', manifestId)
  } catch (error) {
    return error
  }
  return undefined
}

describe.each([
  ['an edit', EDIT],
  ['a state', STATE],
])('%s', (_name, file) => {
  const bytes = encodeManifest(file)

  test('reads back as it was written', () => {
    const decoded = decodeManifest(bytes, 'manifest/x', file.manifestId)
    expect(decoded.file).toEqual(file)
    expect(encodeManifest(decoded.file)).toEqual(bytes)
  })

  test('is read from the middle of a larger buffer', () => {
    const larger = new Uint8Array(bytes.length + 20)
    larger.set(bytes, 7)
    const decoded = decodeManifest(larger.subarray(7, 7 + bytes.length), 'manifest/x', file.manifestId)
    expect(decoded.file).toEqual(file)
  })

  test('is damaged by any other value of any byte, by every cut and by any addition', () => {
    const random = randomFrom(bytes.length)
    const damagedWith = (damaged: Uint8Array, what: string): void => {
      const found = decodeError(damaged, file.manifestId) instanceof CorruptionError
      expect({ what, found }).toEqual({ what, found: true })
    }
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x01, 0x80, 0xff, bytes[at], 1 + random(255)]) {
        if (mask === 0) continue
        const damaged = bytes.slice()
        damaged[at] ^= mask
        damagedWith(damaged, `byte ${at} ^ ${mask}`)
      }
      damagedWith(bytes.slice(0, at), `cut at ${at}`)
    }
    damagedWith(Uint8Array.of(...bytes, 0), 'one byte more')
    damagedWith(Uint8Array.of(...bytes, ...bytes), 'twice')
    damagedWith(new Uint8Array(bytes.length), 'zeros')
  })
})

describe('a manifest file is refused', () => {
  const bytes = encodeManifest(EDIT)

  test('as unsupported when a newer version wrote it', () => {
    const newer = resealed(bytes, (_, view) => view.setUint16(OFFSET_VERSION, 2, true))
    expect(decodeError(newer, 8)).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'manifest/x: written in manifest format 2; this version of Meru reads up to 1',
    })
  })

  test('under another id', () => {
    expect(decodeError(bytes, 9)).toMatchObject({ code: 'CORRUPT', offset: 8, file: 'manifest/x' })
  })

  const sealed: readonly [what: string, bytes: Uint8Array, id: number, problem: RegExp][] = [
    [
      'version 0',
      resealed(bytes, (_, view) => view.setUint16(OFFSET_VERSION, 0, true)),
      8,
      /format version 0/,
    ],
    ['kind 3', resealed(bytes, (copy) => (copy[6] = 3)), 8, /kind 3 is neither edit nor state/],
    ['unknown flags', resealed(bytes, (copy) => (copy[7] = 2)), 8, /flags 10 are not known/],
    ['an unsafe id', resealed(bytes, (copy) => copy.fill(255, 8, 16)), 8, /above the highest safe integer/],
    [
      'a base that is not before it',
      resealed(bytes, (copy) => (copy[24] = 8)),
      8,
      /base 8 does not fit manifest 8/,
    ],
    ['no base', resealed(bytes, (copy) => (copy[24] = 0)), 8, /base 0 does not fit/],
    [
      'a state with a base',
      resealed(encodeManifest(STATE), (copy) => (copy[24] = 0)),
      1,
      /base 0 does not fit/,
    ],
    ['a body that is no JSON', withBody(EDIT, (body) => body.slice(1)), 8, /JSON/],
    ['an unknown change', withBody(EDIT, (body) => body.replace('dropTable', 'dropAll')), 8, /changes\.11/],
    ['an unknown field', withBody(EDIT, (body) => body.replace('"rows"', '"rose"')), 8, /changes\.0\.file/],
    ['odd hex', withBody(EDIT, (body) => body.replace('"minKey":"00"', '"minKey":"0"')), 8, /minKey: .*hex/],
    [
      'capital hex',
      withBody(EDIT, (body) => body.replace('"maxKey":"ff"', '"maxKey":"FF"')),
      8,
      /maxKey: .*hex/,
    ],
    ['a fraction', withBody(EDIT, (body) => body.replace('"rows":10', '"rows":1.5')), 8, /file\.rows/],
    [
      'an unsafe number',
      withBody(EDIT, (body) => body.replace('"rows":10', '"rows":9007199254740992')),
      8,
      /file\.rows/,
    ],
    [
      'a state that breaks an invariant',
      withBody(STATE, (body) => body.replace('"rows":10', '"rows":0')),
      1,
      /0 rows/,
    ],
    [
      'a state whose files are out of order',
      withBody(STATE, (body) => body.replace('"maxSeqno":6', '"maxSeqno":5')),
      1,
      /no range|out of order/,
    ],
    [
      'a state with two tables of one id',
      withBody(STATE, (body) => body.replace(/"tables":\[(.*)\]\}$/, '"tables":[$1,$1]}')),
      1,
      /two have the same id/,
    ],
  ]

  test.each(sealed)('with %s, though its checksum is right', (_what, damaged, id, problem) => {
    expect(decodeError(damaged, id)).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(problem),
    })
  })
})
