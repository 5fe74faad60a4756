import { MeruError, readBatch } from '@meru/core'
import { loadDeadPositions } from '@meru/compaction'
import {
  type FileSystem,
  nodeEnvironment,
  NodeFs,
  nodeProcessProbe,
  type ProcessProbe,
  sha256,
} from '@meru/fs'
import {
  acquireLock,
  type DatabaseState,
  Manifest,
  MANIFEST_DIRECTORY,
  schemaById,
  sstPath,
  type SstFile,
  type TableState,
  WAL_DIRECTORY,
} from '@meru/manifest'
import { PageCache, SstReader } from '@meru/sst'
import { replay, segmentName } from '@meru/wal'

/** One damaged file. */
export interface Problem {
  readonly file: string
  readonly message: string
}

export interface VerifyReport {
  readonly files: number
  readonly bytes: number
  /** Rows in SSTs that are not dead. */
  readonly rows: number
  readonly problems: readonly Problem[]
}

export interface VerifyOptions {
  /** The file system to look at; that of the path without it. */
  readonly fs?: FileSystem
  /** Tells whether the process that holds the lock is alive. */
  readonly probe?: ProcessProbe
  readonly signal?: AbortSignal | undefined
  readonly onProgress?:
    | ((progress: { filesDone: number; filesTotal: number; bytesDone: number }) => void)
    | undefined
}

/** Rows read at a time. */
const READ_ROWS = 8192
const HASH_BYTES = 1 << 20

/**
 * Reads every byte that a database needs and says what is damaged; changes nothing, but holds the lock
 * meanwhile. Throws `INVALID` if there is no database, `LOCKED` if somebody has it open.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const fs = options.fs ?? new NodeFs(path)
  if ((await fs.list(MANIFEST_DIRECTORY)).length === 0) {
    throw new MeruError('INVALID', `${path}: there is no database`)
  }
  const env = nodeEnvironment()
  const probe = options.probe ?? nodeProcessProbe()
  const lock = await acquireLock({ fs, env, probe, owner: env.uuid(), takeover: false })
  try {
    return await verifyFiles(fs, options)
  } finally {
    await lock.release()
  }
}

async function verifyFiles(fs: FileSystem, options: VerifyOptions): Promise<VerifyReport> {
  const problems: Problem[] = []
  const state = await attempt(problems, 'manifest', () => Manifest.load(fs))
  if (state === undefined) return { files: 0, bytes: 0, rows: 0, problems }
  await attempt(problems, WAL_DIRECTORY, () => verifyLog(fs, state))
  const files = [...state.tables.values()].flatMap((table) => table.files.map((file) => ({ table, file })))
  let bytes = 0
  let rows = 0
  for (const [index, { table, file }] of files.entries()) {
    options.signal?.throwIfAborted()
    const found = problems.length
    await attempt(problems, sstPath(table.name, file.id), () => verifySst(fs, table, file))
    bytes += file.bytes
    if (problems.length === found) rows += file.rows - (file.dead?.cardinality ?? 0)
    options.onProgress?.({ filesDone: index + 1, filesTotal: files.length, bytesDone: bytes })
  }
  return { files: files.length, bytes, rows, problems }
}

/** Runs a check; what it throws becomes a problem. */
async function attempt<T>(
  problems: Problem[],
  what: string,
  check: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof MeruError)) throw error
    problems.push({ file: 'file' in error ? String(error.file) : what, message: error.message })
    return undefined
  }
}

async function verifyLog(fs: FileSystem, state: DatabaseState): Promise<void> {
  const after = state.walFloor.epoch === 0 ? {} : { after: { ...state.walFloor, offset: 0 } }
  await replay({ fs, directory: WAL_DIRECTORY, ...after }, (payload, end) => {
    const file = `${WAL_DIRECTORY}/${segmentName(end)}`
    readBatch(payload, { file, offset: Math.max(0, end.offset - payload.length) }, () => undefined)
  })
}

/** The hash of the whole file, every row through its checksums, and the dead positions. */
async function verifySst(fs: FileSystem, table: TableState, file: SstFile): Promise<void> {
  const path = sstPath(table.name, file.id)
  const hash = await hashOf(fs, path, file.bytes)
  const schema = schemaById(table, file.schemaId)
  const reader = await SstReader.open({ fs, path, meta: file, schema, cache: new PageCache({ bytesMax: 0 }) })
  try {
    const ids = schema.columns.map((column) => column.id)
    for (let from = 0; from < file.rows; from += READ_ROWS) {
      await reader.readRows(from, Math.min(file.rows, from + READ_ROWS), ids, { keys: true, seqnos: true })
    }
  } finally {
    await reader.close()
  }
  if (hash !== file.hash) {
    throw new MeruError('CORRUPT', `${path}: SHA-256 is ${hash}; the manifest says ${file.hash}`)
  }
  await loadDeadPositions(fs, table.name, file)
}

async function hashOf(fs: FileSystem, path: string, bytes: number): Promise<string> {
  const handle = await fs.open(path)
  try {
    const hasher = sha256()
    const buffer = new Uint8Array(HASH_BYTES)
    for (let offset = 0; offset < bytes; offset += HASH_BYTES) {
      const read = await handle.read(buffer, offset)
      hasher.update(buffer.subarray(0, read))
    }
    return hasher.digestHex()
  } finally {
    await handle.close()
  }
}
