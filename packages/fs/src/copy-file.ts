import { CorruptionError, MeruError } from '@meru/core'
import { parentOf } from './file-path.ts'
import type { Environment, FileSystem, ReadHandle, WriteHandle } from './file-system.ts'
import { isExists } from './io-error.ts'
import { sha256 } from './sha256.ts'

const CHUNK_BYTES = 1 << 20

export interface CopyOptions {
  readonly env: Pick<Environment, 'uuid'>
  /** What the file must hold: `CORRUPT` if it does not. */
  readonly bytes?: number | undefined
  /** SHA-256 in lower-case hexadecimal digits. */
  readonly hash?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Told after each piece how long it was. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * Copies an open file to another place. Under the new name there is the whole file or nothing, whatever happens: it is
 * made durable under a temporary name (`<path>.<uuid>.tmp`) before, where files do not appear whole by themselves. What
 * is under the name is replaced, or kept where files appear whole; the name is not synced.
 */
export async function copyFile(
  from: ReadHandle,
  target: { readonly fs: FileSystem; readonly path: string },
  options: CopyOptions,
): Promise<void> {
  const { fs, path } = target
  const isWhole = fs.wholeFiles === true
  const written = isWhole ? path : `${path}.${options.env.uuid()}.tmp`
  const into = await fs.create(written, { exclusive: true })
  try {
    try {
      await copyBytes(from, into, options)
      await into.sync()
    } finally {
      await into.close()
    }
    if (!isWhole) await fs.rename(written, path)
  } catch (error) {
    if (isWhole && isExists(error)) return
    if (!isWhole) await fs.remove(written).catch(() => undefined)
    throw error
  }
}

async function copyBytes(from: ReadHandle, into: WriteHandle, options: CopyOptions): Promise<void> {
  const { bytes: expected, hash: expectedHash, signal, onBytes } = options
  if (expected !== undefined && from.size !== expected) {
    throw new CorruptionError({ file: from.path }, `${from.size} bytes, ${expected} expected`)
  }
  const hash = expectedHash === undefined ? undefined : sha256()
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, from.size))
  for (let offset = 0; offset < from.size; offset += buffer.length) {
    signal?.throwIfAborted()
    const wanted = Math.min(buffer.length, from.size - offset)
    const read = await from.read(buffer.subarray(0, wanted), offset)
    if (read !== wanted)
      throw new MeruError('IO', `${from.path}: read ${read} of ${wanted} bytes at ${offset}`)
    const bytes = buffer.subarray(0, wanted)
    hash?.update(bytes)
    await into.write(bytes, offset)
    onBytes?.(wanted)
  }
  const found = hash?.digestHex()
  if (found !== expectedHash) {
    throw new CorruptionError({ file: from.path }, `SHA-256 is ${found}; the manifest says ${expectedHash}`)
  }
}

/** Replaces a file, or makes it: readers see the old bytes or the new. Durable when it is done. */
export async function replaceDurably(
  fs: FileSystem,
  env: Pick<Environment, 'uuid'>,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const isWhole = fs.wholeFiles === true
  const written = isWhole ? path : `${path}.${env.uuid()}.tmp`
  const handle = await fs.create(written, { exclusive: !isWhole })
  try {
    await handle.write(bytes, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
  if (isWhole) return
  await fs.rename(written, path)
  await fs.syncDirectory(parentOf(path))
}
