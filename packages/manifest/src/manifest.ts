import { compareKeys, CorruptionError, MeruError } from '@meru/core'
import { createIfAbsent, type Environment, type FileSystem } from '@meru/fs'
import { applyEdit } from './apply-edit.ts'
import { checkEpoch } from './epoch.ts'
import {
  isTableName,
  MANIFEST_DIRECTORY,
  manifestPath,
  TABLES_DIRECTORY,
  WAL_DIRECTORY,
} from './file-names.ts'
import { FORMAT_VERSION } from './format.ts'
import { hasHardLinks } from './hard-links.ts'
import { listIds, readHead, type ManifestHead } from './manifest-chain.ts'
import { checksumIn, decodeManifest, encodeManifest, type ManifestFile } from './manifest-codec.ts'
import { emptyState, type DatabaseState } from './state.ts'
import type { EditSource, VersionEdit } from './version-edit.ts'

/** What `Manifest.open` takes. */
export interface ManifestOptions {
  readonly fs: FileSystem
  readonly env: Environment
  /** The epoch that the caller claimed. */
  readonly epoch: number
  /** A nonce of this writer, by which it knows its own manifests. */
  readonly owner: string
  /** Edits between two full states, from 0. More make commits cheaper, and opening slower. */
  readonly editsPerState: number
  /** Full states to keep, from 1. More let slow readers finish without starting over. */
  readonly statesKept: number
}

// Each attempt that fails is the last commit of another older writer.
const TAKEOVER_ATTEMPTS_MAX = 100

/**
 * The manifest in the hands of its one writer: the current version, and the commit of the next. A commit
 * is durable when its promise resolves, and is current before the next one starts.
 *
 * A commit that failed with `INVALID` or `DISK_FULL` did not happen; later ones may succeed. After
 * `POISONED`, `FENCED` or `CORRUPT` it may have happened: nothing more can be committed, and no file may
 * be removed, neither what the edit added nor what it took out.
 */
export class Manifest {
  readonly #options: ManifestOptions
  readonly #noLinks: boolean
  #state: DatabaseState
  /** Checksum of the newest manifest file. */
  #checksum: number
  /** Ids of the full states that are kept, ascending. The last one is the base of the next edit. */
  #bases: readonly number[]
  /** Why nothing can be committed any more. */
  #failure: MeruError | undefined
  /** Settles, never with an error, when every commit asked for so far is done. */
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(options: ManifestOptions, takeover: Takeover) {
    this.#options = options
    this.#noLinks = takeover.noLinks
    this.#state = takeover.state
    this.#checksum = takeover.checksum
    this.#bases = takeover.bases
  }

  /**
   * The newest version, for readers; `undefined` if nothing was ever committed. Changes nothing on disk.
   * Throws `CORRUPT` or `UNSUPPORTED`.
   */
  static async load(fs: FileSystem): Promise<DatabaseState | undefined> {
    const state = (await readHead(fs, { noLinks: false }))?.state
    return state?.manifestId === 0 ? undefined : state
  }

  /**
   * Takes the manifest over for the writer of a claimed epoch: from then on no older writer can commit.
   * Log and tables must be read and made only after that, and the log replayed from `walFloor` on.
   * Throws `FENCED` if a later writer came, `CORRUPT` or `UNSUPPORTED` for what is on disk.
   */
  static async open(options: ManifestOptions): Promise<Manifest> {
    const manifest = new Manifest(options, await takeOver(options))
    await manifest.#prune()
    return manifest
  }

  /** The newest version that is committed. */
  get current(): DatabaseState {
    return this.#state
  }

  /**
   * Commits an edit and makes its result current. Commits run one after the other; a function is called
   * when its turn has come, with the state that its edit will be applied to. An edit without changes
   * costs nothing. Throws as the class says.
   */
  commit(source: EditSource): Promise<DatabaseState> {
    const done = this.#queue.then(() => this.#commitNext(source))
    this.#queue = done.catch(() => undefined)
    return done
  }

  /** Waits for the commits under way and refuses later ones with `CLOSED`. */
  async close(): Promise<void> {
    const closing = this.#queue.then(() => {
      this.#failure ??= new MeruError('CLOSED', `${this.#options.fs.root}: the manifest is closed`)
    })
    this.#queue = closing
    await closing
  }

  async #commitNext(source: EditSource): Promise<DatabaseState> {
    if (this.#failure !== undefined) throw repeated(this.#failure)
    const edit = typeof source === 'function' ? source(this.#state) : source
    if (edit.changes.length === 0) return this.#state
    const next = { ...applyEdit(this.#state, edit), manifestId: this.#state.manifestId + 1 }
    const file = this.#fileOf(edit, next)
    const bytes = encodeManifest(file)
    await this.#publish(next.manifestId, bytes)
    this.#state = next
    this.#checksum = checksumIn(bytes)
    if (file.kind === 'state') {
      this.#bases = [...this.#bases, next.manifestId]
      await this.#prune()
    }
    return next
  }

  #fileOf(edit: VersionEdit, next: DatabaseState): ManifestFile {
    const base = this.#bases[this.#bases.length - 1]
    if (next.manifestId - base > this.#options.editsPerState) {
      return stateFile(next, { previous: this.#checksum, noLinks: this.#noLinks })
    }
    const { manifestId, epoch, owner } = next
    const link = { base, previous: this.#checksum, noLinks: this.#noLinks }
    return { kind: 'edit', manifestId, epoch, owner, ...link, edit }
  }

  async #publish(manifestId: number, bytes: Uint8Array): Promise<void> {
    const { fs, env, epoch } = this.#options
    try {
      const taken = await publish({ fs, env }, manifestId, bytes)
      if (taken !== undefined) throw await this.#takenError(manifestId, taken)
      // A writer that slept until its id was free again, because newer manifests replaced it, learns of
      // them only here.
      await checkEpoch(fs, epoch)
    } catch (error) {
      if (isDiskFull(error) && (await isAbsent(fs, manifestId))) throw error
      this.#failure = failureOf(error, `manifest ${manifestId}`)
      throw this.#failure
    }
  }

  async #takenError(manifestId: number, { bytes }: Taken): Promise<Error> {
    const { fs, epoch } = this.#options
    await checkEpoch(fs, epoch)
    const path = manifestPath(manifestId)
    if (bytes === undefined) return new MeruError('IO', `${path}: its name is taken, but there is no file`)
    const { file } = decodeManifest(bytes, path, manifestId)
    if (file.epoch > epoch) return fencedError(fs, file, epoch)
    const problem = `writer ${file.owner} of epoch ${file.epoch} made it, though epoch ${epoch} had taken over`
    return new CorruptionError({ file: path }, problem)
  }

  /** Removes the manifests that no kept state needs. What cannot be removed now goes with the next ones. */
  async #prune(): Promise<void> {
    const { fs, statesKept } = this.#options
    this.#bases = this.#bases.slice(-statesKept)
    const [lowest] = this.#bases
    try {
      for (const id of await listIds(fs)) if (id < lowest) await fs.remove(manifestPath(id))
    } catch {
      // The commit stands. A file too many does no harm.
    }
  }
}

interface Takeover {
  readonly state: DatabaseState
  readonly checksum: number
  readonly bases: readonly number[]
  readonly noLinks: boolean
}

async function takeOver(options: ManifestOptions): Promise<Takeover> {
  checkOptions(options)
  const { fs, env, epoch, owner } = options
  const noLinks = !(await hasHardLinks(fs, env, MANIFEST_DIRECTORY))
  for (let attempt = 0; attempt < TAKEOVER_ATTEMPTS_MAX; attempt++) {
    const head: ManifestHead | undefined = await readHead(fs, { noLinks })
    const found = head?.state ?? emptyState()
    if (found.epoch >= epoch) throw fencedError(fs, found, epoch)
    if (found.manifestId === 0) await requireNothingElse(fs)
    const manifestId = (head?.highestId ?? 0) + 1
    const state = { ...found, formatVersion: FORMAT_VERSION, manifestId, epoch, owner }
    const bytes = encodeManifest(stateFile(state, { previous: head?.checksum ?? 0, noLinks }))
    if ((await publish({ fs, env }, manifestId, bytes)) !== undefined) continue
    await checkEpoch(fs, epoch)
    const bases = head === undefined ? [manifestId] : [head.base, manifestId]
    return { state, checksum: checksumIn(bytes), bases, noLinks }
  }
  throw new MeruError(
    'LOCKED',
    `${fs.root}: other writers kept committing while this one took over; try again`,
  )
}

/** Tables and logs are made after the first manifest: if there are some without it, it was lost. */
async function requireNothingElse(fs: FileSystem): Promise<void> {
  const tables = (await fs.list(TABLES_DIRECTORY)).filter(isTableName)
  const logs = await fs.list(WAL_DIRECTORY)
  if (tables.length === 0 && logs.length === 0) return
  const found = `${tables.length} tables and ${logs.length} log segments are there`
  const problem = `there is no manifest, but ${found}; restore the files of this directory from a copy`
  throw new CorruptionError({ file: MANIFEST_DIRECTORY }, problem)
}

/** What stands under a name that was to be created. */
interface Taken {
  readonly bytes: Uint8Array | undefined
}

/** Creates a manifest file; answers what has its name if that is taken by other bytes. */
async function publish(
  { fs, env }: { readonly fs: FileSystem; readonly env: Environment },
  manifestId: number,
  bytes: Uint8Array,
): Promise<Taken | undefined> {
  const path = manifestPath(manifestId)
  if (await createIfAbsent(fs, env, path, bytes)) return undefined
  const present = await fs.readFile(path)
  if (present === undefined || compareKeys(present, bytes) !== 0) return { bytes: present }
  // The file is ours: it was made, but the answer was lost.
  await fs.syncDirectory(MANIFEST_DIRECTORY)
  return undefined
}

function stateFile(
  state: DatabaseState,
  { previous, noLinks }: { readonly previous: number; readonly noLinks: boolean },
): ManifestFile {
  const { manifestId, epoch, owner } = state
  return { kind: 'state', manifestId, epoch, owner, base: manifestId, previous, noLinks, state }
}

function fencedError(
  fs: FileSystem,
  other: { readonly manifestId: number; readonly epoch: number; readonly owner: string },
  epoch: number,
): MeruError {
  const problem = `writer ${other.owner} of epoch ${other.epoch} committed manifest ${other.manifestId}`
  return new MeruError(
    'FENCED',
    `${fs.root}: ${problem}; this writer's epoch ${epoch} is over; open it again`,
  )
}

/** The error that a failed commit leaves behind: what the file system did not do may have happened. */
function failureOf(error: unknown, what: string): MeruError {
  if (error instanceof MeruError && (error.code === 'FENCED' || error.code === 'CORRUPT')) return error
  const reason = error instanceof Error ? error.message : String(error)
  const problem = `${what} may or may not be durable (${reason}); reopen to recover`
  return new MeruError('POISONED', problem, { cause: error })
}

function repeated(failure: MeruError): MeruError {
  return new MeruError(failure.code, failure.message, { cause: failure })
}

function isDiskFull(error: unknown): boolean {
  return error instanceof MeruError && error.code === 'DISK_FULL'
}

async function isAbsent(fs: FileSystem, manifestId: number): Promise<boolean> {
  try {
    return (await fs.size(manifestPath(manifestId))) === undefined
  } catch {
    return false
  }
}

function checkOptions({ epoch, owner, editsPerState, statesKept }: ManifestOptions): void {
  if (!Number.isSafeInteger(epoch) || epoch < 1) throw new TypeError(`epoch ${epoch} is not a number from 1`)
  if (owner === '') throw new TypeError('owner must not be empty')
  if (!Number.isSafeInteger(editsPerState) || editsPerState < 0) {
    throw new TypeError(`editsPerState ${editsPerState} is not a number from 0`)
  }
  if (!Number.isSafeInteger(statesKept) || statesKept < 1) {
    throw new TypeError(`statesKept ${statesKept} is not a number from 1`)
  }
}
