import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Format } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const APP = fileURLToPath(new URL('bundle-app.ts', import.meta.url))
const WORKER = fileURLToPath(new URL('../src/worker.ts', import.meta.url))

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meru-bundle-'))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Bundles modules, each with what it imports, to one file each; names of outputs by module. */
async function bundle(outputs: Record<string, string>, format: Format = 'esm'): Promise<void> {
  await build({
    entryPoints: Object.entries(outputs).map(([out, from]) => ({ in: from, out: join(directory, out) })),
    outdir: directory,
    outExtension: { '.js': format === 'esm' ? '.js' : '.cjs' },
    bundle: true,
    format,
    platform: 'node',
    target: 'node22',
    conditions: ['@meru/source'],
    logLevel: 'error',
    // What is CommonJS inside asks for Node's modules.
    ...(format === 'esm' && {
      banner: {
        js: "import { createRequire as requireMaker } from 'node:module'; const require = requireMaker(import.meta.url)",
      },
    }),
  })
}

async function start(...argv: string[]): Promise<{ rows: number; files: number; happenings: string[] }> {
  const { stdout } = await run(process.execPath, [...argv], { cwd: directory, timeout: 120_000 })
  return JSON.parse(stdout) as never
}

const DONE = { rows: 201, files: 1 }
const WORK = ['flush', 'flush', 'flush', 'compaction']

describe('an application that is bundled into one file', () => {
  test(
    'without the module of the workers works on one thread, and says so',
    { timeout: 180_000 },
    async () => {
      await bundle({ app: APP })
      const { happenings, ...found } = await start('app.js', 'db')
      expect(found).toEqual(DONE)
      expect(happenings).toEqual(['workersUnavailable', ...WORK])
    },
  )

  test('finds the module of the workers beside it', { timeout: 180_000 }, async () => {
    await bundle({ app: APP, 'meru-worker': WORKER })
    const { happenings, ...found } = await start('app.js', 'db')
    expect([found, happenings]).toEqual([DONE, WORK])
  })

  test('or where it is told that it lies', { timeout: 180_000 }, async () => {
    await bundle({ app: APP, 'threads/engine': WORKER })
    const { happenings, ...found } = await start('app.js', 'db', join(directory, 'threads/engine.js'))
    expect([found, happenings]).toEqual([DONE, WORK])
  })
})
