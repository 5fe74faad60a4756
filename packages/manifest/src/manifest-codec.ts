import { CorruptionError, MeruError, toHex } from '@meru/core'
import { crc32 } from '@meru/fs'
import { parseEditBody, parseStateBody } from './body-schema.ts'
import {
  BODY_BYTES_MAX,
  FLAG_NO_LINKS,
  FORMAT_VERSION,
  HEADER_BYTES,
  KIND_EDIT,
  KIND_STATE,
  MAGIC,
  OFFSET_BASE,
  OFFSET_CRC,
  OFFSET_EPOCH,
  OFFSET_FLAGS,
  OFFSET_KIND,
  OFFSET_LENGTH,
  OFFSET_MAGIC,
  OFFSET_MANIFEST_ID,
  OFFSET_PREVIOUS,
  OFFSET_VERSION,
} from './format.ts'
import { stateProblem } from './state-rules.ts'
import type { DatabaseState } from './state.ts'
import type { VersionEdit } from './version-edit.ts'

/** What every manifest file says before its body. */
export interface ManifestHeader {
  readonly manifestId: number
  readonly epoch: number
  readonly owner: string
  /** Id of the state that the chain of edits starts from; the file's own id if it is a state. */
  readonly base: number
  /** Checksum of the manifest file that this one follows; 0 for the first of all. */
  readonly previous: number
  /** Whether the file was made where there are no hard links, so that a crash may have cut its successor. */
  readonly noLinks: boolean
}

export interface EditManifest extends ManifestHeader {
  readonly kind: 'edit'
  readonly edit: VersionEdit
}

export interface StateManifest extends ManifestHeader {
  readonly kind: 'state'
  readonly state: DatabaseState
}

/** A manifest file, decoded. */
export type ManifestFile = EditManifest | StateManifest

/** A manifest file as read, with what its successor must name as `previous`. */
export interface DecodedManifest {
  readonly file: ManifestFile
  readonly checksum: number
}

/** The bytes of a manifest file. For a state, id, epoch and owner must be those of the state. */
export function encodeManifest(file: ManifestFile): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(bodyOf(file), bytesAsHex))
  if (body.length > BODY_BYTES_MAX) {
    const limit = `a manifest holds at most ${BODY_BYTES_MAX}; drop tables, or compact them into fewer files`
    throw new MeruError('INVALID', `manifest ${file.manifestId} would take ${body.length} bytes; ${limit}`)
  }
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(OFFSET_MAGIC, MAGIC, true)
  view.setUint16(OFFSET_VERSION, FORMAT_VERSION, true)
  view.setUint8(OFFSET_KIND, file.kind === 'edit' ? KIND_EDIT : KIND_STATE)
  view.setUint8(OFFSET_FLAGS, file.noLinks ? FLAG_NO_LINKS : 0)
  view.setBigUint64(OFFSET_MANIFEST_ID, BigInt(file.manifestId), true)
  view.setBigUint64(OFFSET_EPOCH, BigInt(file.epoch), true)
  view.setBigUint64(OFFSET_BASE, BigInt(file.base), true)
  view.setUint32(OFFSET_PREVIOUS, file.previous, true)
  view.setUint32(OFFSET_LENGTH, body.length, true)
  bytes.set(body, HEADER_BYTES)
  view.setUint32(OFFSET_CRC, checksumOf(bytes), true)
  return bytes
}

/** The checksum in the header of an encoded manifest file. */
export function checksumIn(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(OFFSET_CRC, true)
}

/**
 * Decodes the manifest file `path`, which must hold the manifest with that id. Throws `CORRUPT` if any
 * byte is not as it was written, `UNSUPPORTED` if a newer format version wrote it.
 */
export function decodeManifest(bytes: Uint8Array, path: string, manifestId: number): DecodedManifest {
  const damaged = (offset: number, problem: string): CorruptionError =>
    new CorruptionError({ file: path, offset }, problem)
  if (bytes.length < HEADER_BYTES) {
    throw damaged(bytes.length, `${bytes.length} bytes; a manifest has at least ${HEADER_BYTES}`)
  }
  const view = viewOf(bytes)
  const magic = view.getUint32(OFFSET_MAGIC, true)
  if (magic !== MAGIC) throw damaged(OFFSET_MAGIC, `magic ${hex32(magic)} is not ${hex32(MAGIC)}`)
  const length = view.getUint32(OFFSET_LENGTH, true)
  if (length !== bytes.length - HEADER_BYTES) {
    throw damaged(
      OFFSET_LENGTH,
      `body of ${length} bytes in a file that has room for ${bytes.length - HEADER_BYTES}`,
    )
  }
  const checksum = view.getUint32(OFFSET_CRC, true)
  const computed = checksumOf(bytes)
  if (checksum !== computed) {
    throw damaged(OFFSET_CRC, `checksum ${hex32(checksum)}, but the bytes give ${hex32(computed)}`)
  }
  const version = view.getUint16(OFFSET_VERSION, true)
  if (version > FORMAT_VERSION) {
    throw new MeruError(
      'UNSUPPORTED',
      `${path}: written in manifest format ${version}; this version of Meru reads up to ${FORMAT_VERSION}`,
    )
  }
  const file = decodeFields(bytes, view, damaged)
  if (file.manifestId !== manifestId) {
    throw damaged(OFFSET_MANIFEST_ID, `holds manifest ${file.manifestId}; files were swapped or renamed`)
  }
  return { file, checksum }
}

type Damaged = (offset: number, problem: string) => CorruptionError

function decodeFields(bytes: Uint8Array, view: DataView, damaged: Damaged): ManifestFile {
  const version = view.getUint16(OFFSET_VERSION, true)
  if (version < 1) throw damaged(OFFSET_VERSION, `format version ${version}`)
  const kind = view.getUint8(OFFSET_KIND)
  if (kind !== KIND_EDIT && kind !== KIND_STATE)
    throw damaged(OFFSET_KIND, `kind ${kind} is neither edit nor state`)
  const flags = view.getUint8(OFFSET_FLAGS)
  if ((flags & ~FLAG_NO_LINKS) !== 0) throw damaged(OFFSET_FLAGS, `flags ${flags.toString(2)} are not known`)
  const manifestId = numberAt(view, OFFSET_MANIFEST_ID, damaged)
  const epoch = numberAt(view, OFFSET_EPOCH, damaged)
  const base = numberAt(view, OFFSET_BASE, damaged)
  if (kind === KIND_STATE ? base !== manifestId : base < 1 || base >= manifestId) {
    throw damaged(OFFSET_BASE, `base ${base} does not fit manifest ${manifestId}`)
  }
  const previous = view.getUint32(OFFSET_PREVIOUS, true)
  const noLinks = (flags & FLAG_NO_LINKS) !== 0
  const header = { manifestId, epoch, base, previous, noLinks }
  try {
    const json: unknown = JSON.parse(decodeText(bytes.subarray(HEADER_BYTES)))
    if (kind === KIND_EDIT) {
      const { owner, changes } = parseEditBody(json)
      return { kind: 'edit', ...header, owner, edit: { changes } }
    }
    const { tables, ...body } = parseStateBody(json)
    const state: DatabaseState = {
      formatVersion: version,
      manifestId,
      epoch,
      ...body,
      tables: new Map(tables.map((table) => [table.id, table])),
    }
    if (state.tables.size !== tables.length) throw new Error('tables: two have the same id')
    const problem = stateProblem(state)
    if (problem !== undefined) throw new Error(problem)
    return { kind: 'state', ...header, owner: body.owner, state }
  } catch (error) {
    throw damaged(HEADER_BYTES, error instanceof Error ? error.message : String(error))
  }
}

function bodyOf(file: ManifestFile): object {
  if (file.kind === 'edit') {
    const changes = file.edit.changes.map((change) =>
      change.kind === 'createTable' ? { ...change, properties: Object.entries(change.properties) } : change,
    )
    return { owner: file.owner, changes }
  }
  const { lastSeqno, walFloor, nextTableId } = file.state
  const tables = [...file.state.tables.values()].map((table) => ({
    ...table,
    properties: Object.entries(table.properties),
  }))
  return { owner: file.owner, lastSeqno, walFloor, nextTableId, tables }
}

function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toHex(value) : value
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

/** The checksum that belongs in the header of a manifest file. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes, HEADER_BYTES, bytes.length, crc32(bytes, 0, OFFSET_CRC))
}

function numberAt(view: DataView, offset: number, damaged: Damaged): number {
  const number = Number(view.getBigUint64(offset, true))
  if (!Number.isSafeInteger(number)) throw damaged(offset, `${number} is above the highest safe integer`)
  return number
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0')
}
