import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BLOCK_BYTES = 512
const FILES_AT_ONCE = 64

/** Runs with a directory of its own, which is removed afterwards. */
export async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'meru-bench-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Bytes that the files below a directory take on the disk; a file that goes meanwhile does not count. */
export function bytesBelow(directory: string): number {
  let bytes = 0
  for (const file of filesBelow(directory)) bytes += (statOf(file)?.blocks ?? 0) * BLOCK_BYTES
  return bytes
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/**
 * Drops the operating system's cached pages of the files, so that the next reads come from the disk. Gives
 * false where `dd` with `nocache` is missing.
 */
export function forget(directory: string): boolean {
  let done = true
  const files = filesBelow(directory)
  for (let from = 0; from < files.length; from += FILES_AT_ONCE) {
    for (const file of files.slice(from, from + FILES_AT_ONCE)) {
      const { status } = spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
      done &&= status === 0
    }
  }
  return done
}

/** Bytes that this process made the disk write so far, pages of mapped files too; Linux only. */
export function bytesWritten(): number | undefined {
  try {
    const found = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}

function statOf(file: string): { blocks: number } | undefined {
  return statSync(file, { throwIfNoEntry: false })
}
