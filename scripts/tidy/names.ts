import type { Fault, Source } from './source.ts'

const DRAWERS = ['utils', 'util', 'helpers', 'helper', 'common', 'shared', 'manager', 'misc']
const FORBIDDEN = new RegExp(`^(types|(.+-)?(${DRAWERS.join('|')}))$`)
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.ts$/

/** A file is named for the one thing inside it, and a package has one index. */
export function checkNames(source: Source): Fault[] {
  const faults: Fault[] = []
  const report = (kind: string, message: string): void => {
    faults.push({ kind, file: source.file, line: 1, message })
  }
  const base = source.file.split('/').at(-1) ?? ''
  if (FORBIDDEN.test(source.name)) {
    report('file-name', `"${source.name}" names a drawer; name the file for what is inside`)
  }
  if (!KEBAB.test(base)) report('file-name', 'file names are kebab-case')
  if (base === 'index.ts' && !/^(packages|apps)\/[^/]+\/src\/index\.ts$/.test(source.file)) {
    report('nested-index', 'a package has one index.ts, in src; import the defining file')
  }
  return faults
}
