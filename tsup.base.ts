import type { Options } from 'tsup'

const base: Options = {
  format: 'esm',
  target: 'node22',
  platform: 'node',
  clean: true,
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
