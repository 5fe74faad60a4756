import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory that is gone after the test. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'meru-cli-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A file with this content in a directory of its own. */
export function scratchFile(name: string, content: string | Uint8Array): string {
  const path = join(scratchDirectory(), name)
  writeFileSync(path, content)
  return path
}
