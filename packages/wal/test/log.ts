import { MeruError } from '@meru/core'
import { type FileSystem, MemoryFs } from '@meru/fs'
import { replay, type ReplayReport, Wal, type WalOptions, type WalPosition } from '../src/index.ts'

/** The log that most tests write: small segments, nothing allocated ahead. */
export function startLog(fs: FileSystem, options: Partial<WalOptions> = {}): Promise<Wal> {
  return Wal.create({
    fs,
    directory: 'wal',
    epoch: 1,
    segmentBytesMax: 1 << 20,
    preallocate: false,
    gatherTurns: 8,
    ...options,
  })
}

/** A payload that is unlike those of other numbers and lengths, at every byte. */
export function payloadOf(number: number, length: number): Uint8Array {
  const payload = new Uint8Array(length)
  let state = (number + 1) * 0x9e3779b1 + length
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i
    payload[i] = state >>> 24
  }
  return payload
}

/** Short payloads that a test can name. */
export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

export interface Recovered {
  readonly payloads: Uint8Array[]
  readonly ends: WalPosition[]
  readonly report: ReplayReport
}

/** All that a replay of the directory `wal` hands out. */
export async function recover(fs: FileSystem, after?: WalPosition): Promise<Recovered> {
  const payloads: Uint8Array[] = []
  const ends: WalPosition[] = []
  const where = { fs, directory: 'wal', ...(after && { after }) }
  const report = await replay(where, (payload, end) => {
    payloads.push(payload.slice())
    ends.push(end)
  })
  return { payloads, ends, report }
}

export async function recoverTexts(fs: FileSystem, after?: WalPosition): Promise<string[]> {
  const { payloads } = await recover(fs, after)
  return payloads.map((payload) => new TextDecoder().decode(payload))
}

export function path(segment: number, epoch = 1): string {
  const digits = (value: number): string => String(value).padStart(10, '0')
  return `wal/${digits(epoch)}-${digits(segment)}.wal`
}

/** The files of a directory with one of them replaced, all durable. */
export function withFile(fs: MemoryFs, file: string, bytes: Uint8Array): MemoryFs {
  return MemoryFs.from(new Map(fs.snapshotFiles()).set(file, bytes))
}

export function bytesOf(fs: MemoryFs, file: string): Uint8Array {
  const bytes = fs.snapshotFiles().get(file)
  if (bytes === undefined) throw new Error(`no file ${file}`)
  return bytes
}

/** The code of the error that a call ends with, or what it returns instead. */
export async function codeOf(call: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    return await (typeof call === 'function' ? call() : call)
  } catch (error) {
    if (error instanceof MeruError) return error.code
    throw error
  }
}

/** How many of `written` a recovery has found; throws if it found anything else. */
export function prefixLength(written: readonly Uint8Array[], found: readonly Uint8Array[]): number {
  if (found.length > written.length)
    throw new Error(`${found.length} records found, ${written.length} written`)
  found.forEach((payload, i) => {
    if (Buffer.compare(payload, written[i]) !== 0) throw new Error(`record ${i} is not what was written`)
  })
  return found.length
}
