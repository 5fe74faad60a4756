import { CorruptionError, MeruError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { applyEdit } from './apply-edit.ts'
import { MANIFEST_DIRECTORY, manifestPath, parseManifestName } from './file-names.ts'
import { HEADER_BYTES, OFFSET_LENGTH } from './format.ts'
import {
  checksumIn,
  checksumOf,
  decodeManifest,
  type DecodedManifest,
  type EditManifest,
  type StateManifest,
} from './manifest-codec.ts'
import { emptyState, type DatabaseState } from './state.ts'

/** The newest version on disk, and what the next manifest file needs to know of the last. */
export interface ManifestHead {
  readonly state: DatabaseState
  /** Highest id in use, which a file cut by a crash may hold. The next manifest takes the one above. */
  readonly highestId: number
  /** Id of the state that the chain of edits starts from. */
  readonly base: number
  /** Checksum of the newest manifest file; 0 if there is none. */
  readonly checksum: number
}

// A writer that removes old manifests can make a reader start over, but only by committing many times
// during one read.
const READ_ATTEMPTS_MAX = 100

/** What `readHead` takes. */
export interface ReadOptions {
  /**
   * Whether files are made here without hard links, so that a crash may have cut the newest one short.
   * If not, that is believed only where the file before it says so of its time.
   */
  readonly noLinks: boolean
}

/**
 * Reads the newest version; `undefined` if nothing was ever committed. A manifest file has all its bytes
 * before it has its name, so a damaged one is never the rest of a crash, and stepping back to an older one
 * would lose commits: it is `CORRUPT`, as is a gap. The one exception is a newest file that was cut short
 * where there are no hard links.
 */
export async function readHead(fs: FileSystem, options: ReadOptions): Promise<ManifestHead | undefined> {
  let missingUnder = -1
  for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++) {
    const ids = await listIds(fs)
    if (ids.length === 0 && missingUnder < 0) return undefined
    const highestId = ids.length === 0 ? 0 : ids[ids.length - 1]
    const result = await readFrom(fs, ids, options)
    if (!(result instanceof MeruError)) return result
    // Old manifests are removed only after newer ones were made, so only those can explain a gap.
    if (highestId <= missingUnder) throw result
    missingUnder = highestId
  }
  throw new MeruError('IO', `${fs.root}: the manifest changed faster than it could be read; try again`)
}

/** Ids of the manifest files, ascending. */
export async function listIds(fs: FileSystem): Promise<number[]> {
  const ids: number[] = []
  for (const name of await fs.list(MANIFEST_DIRECTORY)) {
    const id = parseManifestName(name)
    if (id !== undefined) ids.push(id)
  }
  return ids.sort((a, b) => a - b)
}

async function readFrom(
  fs: FileSystem,
  ids: readonly number[],
  { noLinks }: ReadOptions,
): Promise<ManifestHead | MeruError> {
  const highestId = ids[ids.length - 1]
  let newest = ids.length - 1
  let bytes = await fs.readFile(manifestPath(highestId))
  while (bytes !== undefined && isCut(bytes) && newest > 0) {
    newest--
    bytes = await fs.readFile(manifestPath(ids[newest]))
  }
  if (bytes === undefined) return gap(ids[newest])
  const cutShort = newest < ids.length - 1
  // The first manifest holds an empty state, so nothing is lost with it if no other was ever made.
  if (highestId === 1 && isCut(bytes)) return { state: emptyState(), highestId, base: 0, checksum: 0 }
  const head = decodeManifest(bytes, manifestPath(ids[newest]), ids[newest])
  if (cutShort && !noLinks && !head.file.noLinks) {
    const problem = 'it is cut short, which no crash can do where files are made with hard links'
    throw new CorruptionError({ file: manifestPath(highestId) }, problem)
  }
  const chain = await readChain(fs, head, new Set(ids))
  if (chain instanceof MeruError) return chain
  return { state: replay(chain), highestId, base: head.file.base, checksum: head.checksum }
}

/** The manifests from the base of `head` to `head` itself, or the error that one is not there. */
async function readChain(
  fs: FileSystem,
  head: DecodedManifest,
  listed: ReadonlySet<number>,
): Promise<DecodedManifest[] | MeruError> {
  const { base, manifestId } = head.file
  let missing = base
  while (listed.has(missing) && missing < manifestId) missing++
  if (missing < manifestId) return gap(missing)
  const ids = Array.from({ length: manifestId - base }, (_, index) => base + index)
  const contents = await Promise.all(ids.map((id) => fs.readFile(manifestPath(id))))
  const chain: DecodedManifest[] = []
  for (let i = 0; i < ids.length; i++) {
    const bytes = contents[i]
    if (bytes === undefined) return gap(ids[i])
    chain.push(decodeManifest(bytes, manifestPath(ids[i]), ids[i]))
  }
  chain.push(head)
  return chain
}

function gap(id: number): CorruptionError {
  return new CorruptionError({ file: manifestPath(id) }, 'it is missing, but newer manifests build on it')
}

function replay(chain: readonly DecodedManifest[]): DatabaseState {
  const [{ file: first }] = chain
  if (first.kind !== 'state') {
    throw new CorruptionError(
      { file: manifestPath(first.manifestId) },
      'it is an edit where a state was expected',
    )
  }
  let { state } = first
  for (let i = 1; i < chain.length; i++) {
    const { file } = chain[i]
    const problem = file.kind === 'edit' ? linkProblem(file, first, chain[i - 1].checksum) : 'it is a state'
    const where = { file: manifestPath(file.manifestId) }
    if (problem !== undefined || file.kind !== 'edit') throw new CorruptionError(where, `${problem}`)
    try {
      state = { ...applyEdit(state, file.edit), manifestId: file.manifestId }
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      throw new CorruptionError(where, `its edit does not fit the manifest before it: ${cause}`, {
        cause: error,
      })
    }
  }
  return state
}

/** Why an edit is not the successor of the manifest before it, or `undefined`. */
function linkProblem(file: EditManifest, first: StateManifest, checksum: number): string | undefined {
  if (file.base !== first.manifestId) return `its chain starts at ${file.base}, not at ${first.manifestId}`
  if (file.epoch !== first.epoch || file.owner !== first.owner) {
    return `writer ${file.owner} of epoch ${file.epoch} follows ${first.owner} of epoch ${first.epoch} without a state`
  }
  if (file.previous !== checksum) return 'it follows another manifest than the one before it'
  return undefined
}

/** Whether bytes are what a crash leaves of a file that was being copied: too few, or none but zeros. */
function isCut(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES || bytes.every((byte) => byte === 0)) return true
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(OFFSET_LENGTH, true) <= bytes.length - HEADER_BYTES) return false
  // With its true length in the header the file is whole: then the length was damaged, and nothing cut.
  const whole = bytes.slice()
  new DataView(whole.buffer).setUint32(OFFSET_LENGTH, bytes.length - HEADER_BYTES, true)
  return checksumOf(whole) !== checksumIn(whole)
}
