// What Vitest runs before the tests: makes one file of the worker's module and what it imports. `source.js` has workers run it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import type { TestProject } from 'vitest/node'

const ENTRY = fileURLToPath(new URL('../packages/compaction/src/meru-worker.ts', import.meta.url))

let directory: string | undefined

/** Once in a run, for all its projects. */
export function setup(project: TestProject): void {
  if (process.env['MERU_WORKER_BUNDLE'] !== undefined) return
  directory = mkdtempSync(join(tmpdir(), 'meru-worker-'))
  const outfile = join(directory, 'meru-worker.mjs')
  build(outfile)
  project.onTestsRerun(async () => build(outfile))
  process.env['MERU_WORKER_BUNDLE'] = outfile
}

export function teardown(): void {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
}

function build(outfile: string): void {
  buildSync({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@meru/source'],
  })
}
