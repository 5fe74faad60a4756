import { builtinModules } from 'node:module'
import ts from 'typescript'
import { lineOf, walk, type Fault, type Source } from './source.ts'

/** Who may import which module of Node. Everything else goes through the ports of `@meru/fs`. */
const NODE_MODULES: readonly (readonly [file: RegExp, modules: RegExp])[] = [
  [/^(apps|bench|interop|scripts)\//, /./],
  [/^packages\/[^/]+\/test\//, /./],
  [/^packages\/testkit\/interop\//, /./],
  [/^[^/]+\.ts$/, /./],
  [/^packages\/fs\//, /./],
  [/^packages\/sst\/src\/(compression|zstd-decoder)\.ts$/, /^node:zlib$/],
  [/^packages\/formats\/src\/parquet-file\.ts$/, /^node:zlib$/],
  [/^packages\/iceberg\/src\/check\/parquet-file\.ts$/, /^node:zlib$/],
  [/^packages\/(compaction|db)\/src\/worker[^/]*\.ts$/, /^node:worker_threads$/],
  [/^packages\/db\/src\/diagnostics\.ts$/, /^node:diagnostics_channel$/],
]

/** The one file that may import each library whose types must not spread. */
const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  hyparquet: [
    'packages/sst/src/parquet-library.ts',
    'packages/iceberg/src/check/parquet-file.ts',
    'packages/iceberg/src/delete-file.ts',
    'packages/formats/src/parquet-file.ts',
  ],
  'hyparquet-writer': ['packages/sst/src/parquet-library.ts', 'packages/iceberg/src/delete-file.ts'],
  'csv-parse': ['packages/formats/src/csv-records.ts'],
  avsc: ['packages/iceberg/src/avro-file.ts'],
}

/** Clock and randomness are components, so that a test can repeat what it saw. */
const IMPURE_MEMBERS = new Set([
  'AbortSignal.timeout',
  'Date.now',
  'Math.random',
  'crypto.getRandomValues',
  'crypto.randomUUID',
  'performance.now',
  'process.hrtime',
])
const IMPURE_GLOBALS = new Set(['setTimeout', 'setInterval', 'setImmediate'])

export function checkNodeImports(source: Source): Fault[] {
  const faults: Fault[] = []
  for (const { specifier, line } of source.imports) {
    const report = (message: string): void => {
      faults.push({ kind: 'node-import', file: source.file, line, message })
    }
    if (!specifier.startsWith('node:') && builtinModules.includes(specifier))
      report(`write node:${specifier}`)
    if (!specifier.startsWith('node:')) continue
    const allowed = NODE_MODULES.some(([file, modules]) => file.test(source.file) && modules.test(specifier))
    if (!allowed) report(`${specifier} outside its place; use a port`)
  }
  return faults
}

/** Product code keeps to the wrapper; a program may read through the library in one file. */
export function checkWrappers(sources: readonly Source[]): Fault[] {
  const faults: Fault[] = []
  const firstInProgram = new Map<string, string>()
  for (const source of sources) {
    const isProgram = source.home.startsWith('apps/') && !source.isTest
    if (!source.isProduct && !isProgram) continue
    for (const { specifier, line } of source.imports) {
      const wrappers = WRAPPERS[specifier]
      if (wrappers === undefined || wrappers.includes(source.file)) continue
      if (isProgram) {
        const key = `${source.home} ${specifier}`
        const first = firstInProgram.get(key) ?? source.file
        firstInProgram.set(key, first)
        if (first === source.file) continue
        const message = `${specifier} is already imported by ${first}`
        faults.push({ kind: 'library-import', file: source.file, line, message })
        continue
      }
      const message = `${specifier} is imported by ${wrappers.join(' and ')} alone`
      faults.push({ kind: 'library-import', file: source.file, line, message })
    }
  }
  return faults
}

export function checkClock(source: Source): Fault[] {
  if (!source.isProduct || source.home === 'packages/fs') return []
  const faults: Fault[] = []
  walk(source.tree, (node) => {
    const name = impurity(node)
    if (name === undefined) return
    const line = lineOf(source.tree, node.getStart(source.tree))
    const message = `${name} in product code; take the clock or the generator as a component`
    faults.push({ kind: 'impure', file: source.file, line, message })
  })
  return faults
}

function impurity(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText().replace(/^globalThis\./, '')
    return IMPURE_MEMBERS.has(name) ? name : undefined
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments ?? []).length === 0 ? 'new Date()' : undefined
  }
  if (ts.isCallExpression(node) && IMPURE_GLOBALS.has(node.expression.getText())) {
    return node.expression.getText()
  }
  return undefined
}

/** Exports are named, one by one. */
export function checkExports(source: Source): Fault[] {
  const faults: Fault[] = []
  const report = (kind: string, node: ts.Node, message: string): void => {
    faults.push({ kind, file: source.file, line: lineOf(source.tree, node.getStart(source.tree)), message })
  }
  const mayDefault = /\.(config|base)\.ts$/.test(source.file)
  for (const statement of source.tree.statements) {
    if (ts.isExportDeclaration(statement)) {
      const isStar = statement.exportClause === undefined || ts.isNamespaceExport(statement.exportClause)
      if (isStar) report('export-star', statement, 'name the exports')
    }
    if (!mayDefault && isDefaultExport(statement)) report('default-export', statement, 'name the export')
  }
  return faults
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true
  if (ts.isExportDeclaration(statement) && statement.exportClause !== undefined) {
    const clause = statement.exportClause
    return ts.isNamedExports(clause) && clause.elements.some((element) => element.name.text === 'default')
  }
  if (!ts.canHaveModifiers(statement)) return false
  return (ts.getModifiers(statement) ?? []).some((m) => m.kind === ts.SyntaxKind.DefaultKeyword)
}
