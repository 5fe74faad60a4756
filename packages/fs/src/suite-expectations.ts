import { expect } from 'vitest'
import type { FileSystem } from './file-system.ts'

/** Makes an empty file system. The caller removes what it leaves behind. */
export type MakeFileSystem = () => FileSystem | Promise<FileSystem>

/** Bytes that differ from their neighbours and from page to page. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >>> 9) * 31 + 1) & 0xff
  return bytes
}

export async function put(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.create(path, { exclusive: true })
  await handle.write(bytes, 0)
  await handle.sync()
  await handle.close()
}

/** Compares megabytes without walking them in the assertion. */
export function expectSame(actual: Uint8Array | undefined, expected: Uint8Array): void {
  expect(actual?.length).toBe(expected.length)
  if (actual !== undefined && Buffer.compare(actual, expected) === 0) return
  const differs = expected.findIndex((byte, i) => byte !== actual?.[i])
  expect(differs, 'first byte that differs').toBe(-1)
}

export async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

export async function expectFailure(call: () => unknown, code: string, path: string): Promise<void> {
  const error = await failure(call)
  expect(error).toBeInstanceOf(Error)
  expect(error).toHaveProperty('code', code)
  expect((error as Error).message).toContain(path)
}
