import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveImport, type Fault, type Source } from './source.ts'

/** A package may use those on lower layers only. The picture is in docs/architecture.md. */
export const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  fs: 1,
  testkit: 2,
  wal: 3,
  memtable: 3,
  sst: 3,
  manifest: 3,
  view: 4,
  compaction: 4,
  iceberg: 4,
  changefeed: 5,
  db: 6,
  replica: 6,
  formats: 7,
}

/** Programs show the product as a stranger would use it: through these packages and no other. */
const PUBLIC: Readonly<Record<string, readonly string[]>> = {
  'apps/demo': ['db', 'replica'],
  'apps/cli': ['core', 'db', 'formats', 'replica'],
}

export function checkLayers(source: Source): Fault[] {
  const faults: Fault[] = []
  for (const { specifier, line, bare } of source.imports) {
    const report = (kind: string, message: string): void => {
      faults.push({ kind, file: source.file, line, message })
    }
    const used = /^@meru\/([^/]+)/.exec(specifier)?.[1]
    if (used !== undefined) {
      const problem = problemWith(source.home, used)
      if (problem !== undefined) report('layer', problem)
      if (used === 'testkit' && !source.isTest && source.home !== 'bench' && source.home !== 'interop') {
        report('layer', '@meru/testkit is for tests')
      }
    }
    const isSetting = /\.(config|base)\.ts$/.test(source.file)
    if (specifier.startsWith('.') && source.home !== '' && !isSetting) {
      const target = resolveImport(source, specifier)
      if (!target.startsWith(`${source.home}/`)) report('layer', `${specifier} leaves the package`)
    }
    if (bare && source.isProduct) report('side-effect-import', `import of ${specifier} for its effect`)
  }
  return faults
}

/** The dependencies that `packages/x/package.json` declares obey the same table. */
export function checkManifest(root: string, file: string): Fault[] {
  const faults: Fault[] = []
  const home = file.replace(/\/?package\.json$/, '')
  const text = readFileSync(join(root, file), 'utf8')
  const declared: unknown = JSON.parse(text)
  for (const field of ['dependencies', 'devDependencies', 'peerDependencies']) {
    for (const name of Object.keys(recordAt(declared, field))) {
      const used = /^@meru\/(.+)$/.exec(name)?.[1]
      if (used === undefined) continue
      const line = text.slice(0, text.indexOf(`"${name}"`)).split('\n').length
      const problem = problemWith(home, used)
      if (problem !== undefined) faults.push({ kind: 'layer', file, line, message: problem })
      if (used === 'testkit' && field !== 'devDependencies' && home !== 'bench' && home !== 'interop') {
        faults.push({ kind: 'layer', file, line, message: '@meru/testkit is a devDependency' })
      }
    }
  }
  return faults
}

function problemWith(home: string, used: string): string | undefined {
  if (!(used in LAYERS)) return `@meru/${used} is not in the table of layers`
  const allowed = PUBLIC[home]
  if (allowed !== undefined && !allowed.includes(used)) return `${home} may not use @meru/${used}`
  if (!home.startsWith('packages/')) return undefined
  const own = home.slice('packages/'.length)
  if (!(own in LAYERS)) return `@meru/${own} is not in the table of layers`
  if (LAYERS[used] < LAYERS[own]) return undefined
  return `@meru/${own} on layer ${LAYERS[own]} may not use @meru/${used} on layer ${LAYERS[used]}`
}

function recordAt(value: unknown, key: string): object {
  if (typeof value !== 'object' || value === null || !(key in value)) return {}
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'object' && found !== null ? found : {}
}

/** Imports among the files of one package form no cycle, types included. */
export function checkCycles(sources: readonly Source[]): Fault[] {
  const byFile = new Map(sources.map((source) => [source.file, source]))
  const faults: Fault[] = []
  const done = new Set<string>()
  const path: string[] = []

  const visit = (source: Source): void => {
    path.push(source.file)
    for (const { specifier, line } of source.imports) {
      if (!specifier.startsWith('.')) continue
      const target = byFile.get(resolveImport(source, specifier))
      if (target === undefined || done.has(target.file)) continue
      const start = path.indexOf(target.file)
      if (start < 0) {
        visit(target)
        continue
      }
      const message = [...path.slice(start), target.file].join(' → ')
      faults.push({ kind: 'import-cycle', file: source.file, line, message })
    }
    path.pop()
    done.add(source.file)
  }
  for (const source of sources) if (!done.has(source.file)) visit(source)
  return faults
}
