import { readFileSync } from 'node:fs'
import type { Options } from 'tsup'

/** The program of a thread, without its extension. */
const THREAD = 'meru-worker'

const base: Options = {
  format: 'esm',
  target: 'node22',
  platform: 'node',
  // What `thread` makes is made beside the rest of a package, at the same time.
  clean: [`!${THREAD}.js*`],
  sourcemap: true,
  treeshake: true,
}

/** A published package: one module and one declaration file per entry. */
export function library(...entry: string[]): Options {
  return { ...base, entry, dts: true }
}

/** A program: nobody imports it, so it has no declarations. */
export function program(...entry: string[]): Options {
  return { ...base, entry }
}

/** Other people's code that the program of a thread holds. */
const BUNDLED = ['hyparquet', 'hyparquet-writer', 'zstddec']

/**
 * The program of a worker thread, in one file with only the code that it runs: each module that a thread loads costs it
 * time before its first job, and memory. The terms of the code of others stand at its end.
 */
export function thread(entry: string): Options {
  const terms = BUNDLED.map((name) => {
    const path = new URL(`packages/sst/node_modules/${name}/LICENSE`, import.meta.url)
    return `${name}:\n\n${readFileSync(path, 'utf8')}`
  })
  return {
    ...base,
    entry: { [THREAD]: entry },
    clean: false,
    noExternal: [/^@meru\//],
    esbuildOptions: (options) => {
      options.conditions = ['@meru/source']
      options.footer = { js: `/*\n${terms.join('\n')}*/` }
    },
  }
}
