import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, normalize, relative, sep } from 'node:path'
import ts from 'typescript'

export interface Fault {
  readonly kind: string
  /** Relative to the root, with forward slashes. */
  readonly file: string
  readonly line: number
  readonly message: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
  /** `import './x.ts'`: nothing is named, so only the effect can be meant. */
  readonly bare: boolean
}

/** One TypeScript file, parsed once and given to every rule. */
export interface Source {
  readonly file: string
  readonly name: string
  /** `packages/wal`, `apps/cli`, `bench`, `scripts`; empty for files of the root. */
  readonly home: string
  readonly isTest: boolean
  /** Part of what a package publishes: `packages/x/src`. */
  readonly isProduct: boolean
  readonly text: string
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'fixtures', '.git', '.turbo'])

/** Every file below `root`, relative to it, in a stable order. */
export function listFiles(root: string): string[] {
  const found: string[] = []
  const visit = (directory: string): void => {
    const entries = readdirSync(directory, { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (SKIPPED.has(entry.name)) continue
      const path = join(directory, entry.name)
      if (entry.isDirectory()) visit(path)
      else if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'))
    }
  }
  visit(root)
  return found
}

export function readSource(root: string, file: string): Source {
  const text = readFileSync(join(root, file), 'utf8')
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const parts = file.split('/')
  const depth = parts[0] === 'packages' || parts[0] === 'apps' ? 2 : 1
  return {
    file,
    name: basename(file).replace(/(\.(test|test-d|config|base|d))*\.ts$/, ''),
    home: parts.length > depth ? parts.slice(0, depth).join('/') : '',
    isTest: /\.(test|test-d)\.ts$/.test(file) || /(^|\/)test\//.test(file),
    isProduct: /^packages\/[^/]+\/src\//.test(file),
    text,
    tree,
    imports: findImports(tree),
  }
}

/** The file that a relative import of `source` names, relative to the root. */
export function resolveImport(source: Source, specifier: string): string {
  return normalize(join(dirname(source.file), specifier))
    .split(sep)
    .join('/')
}

export function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1
}

/** Calls `see` for every node below `root`, parents first. */
export function walk(root: ts.Node, see: (node: ts.Node) => void): void {
  see(root)
  ts.forEachChild(root, (child) => walk(child, see))
}

function findImports(tree: ts.SourceFile): Import[] {
  const imports: Import[] = []
  walk(tree, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    imports.push({
      specifier: specifier.text,
      line: lineOf(tree, node.getStart(tree)),
      bare: ts.isImportDeclaration(node) && node.importClause === undefined,
    })
  })
  return imports
}

function specifierOf(node: ts.Node): ts.StringLiteral | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    return literal(node.moduleSpecifier)
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literal(node.arguments[0])
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return literal(node.argument.literal)
  }
  return undefined
}

function literal(node: ts.Node | undefined): ts.StringLiteral | undefined {
  return node !== undefined && ts.isStringLiteral(node) ? node : undefined
}
