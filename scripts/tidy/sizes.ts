import ts from 'typescript'
import { lineOf, walk, type Fault, type Source } from './source.ts'

const SOURCE_LINES_MAX = 400
const TEST_LINES_MAX = 600
const FUNCTION_LINES_MAX = 70
const FIELDS_MAX = 7
const PUBLIC_METHODS_MAX = 12

/** The facade's classes hand every call on to a part, so their length is not their weight. */
const FACADES = new Set(['Table', 'Database', 'Transaction'])

/** A class is as wide as the port that it implements. */
const PORTS = new Set(['FileSystem'])

/** Files, functions and classes that one reader can hold in mind. */
export function checkSizes(source: Source): Fault[] {
  const faults: Fault[] = []
  const report = (kind: string, node: ts.Node, message: string): void => {
    const line = lineOf(source.tree, node.getStart(source.tree))
    faults.push({ kind, file: source.file, line, message })
  }

  const lines = source.text.split('\n').length - (source.text.endsWith('\n') ? 1 : 0)
  const linesMax = source.isTest ? TEST_LINES_MAX : SOURCE_LINES_MAX
  if (lines > linesMax) {
    const message = `${lines} lines, at most ${linesMax}; split by noun`
    faults.push({ kind: 'file-size', file: source.file, line: linesMax + 1, message })
  }

  walk(source.tree, (node) => {
    if (isFunctionWithBody(node) && !isDescribeCallback(node)) {
      const length = functionLines(source.tree, node)
      if (length > FUNCTION_LINES_MAX) {
        report('function-size', node, `function of ${length} lines, at most ${FUNCTION_LINES_MAX}`)
      }
    }
    if (ts.isClassLike(node)) checkClass(node, report)
  })
  return faults
}

type Report = (kind: string, node: ts.Node, message: string) => void

function checkClass(node: ts.ClassLikeDeclaration, report: Report): void {
  const name = node.name?.text ?? 'anonymous'
  const fields = node.members.filter(
    (member) => ts.isPropertyDeclaration(member) && !hasModifier(member, ts.SyntaxKind.StaticKeyword),
  ).length
  const methods = node.members.filter(isPublicMethod).length
  if (fields > FIELDS_MAX) {
    report('class-size', node, `class ${name} has ${fields} fields, at most ${FIELDS_MAX}`)
  }
  const isWide = FACADES.has(name) || implemented(node).some((port) => PORTS.has(port))
  if (methods > PUBLIC_METHODS_MAX && !isWide) {
    report('class-size', node, `class ${name} has ${methods} public methods, at most ${PUBLIC_METHODS_MAX}`)
  }
  for (const clause of node.heritageClauses ?? []) {
    const parent = clause.types[0].expression.getText()
    if (clause.token === ts.SyntaxKind.ExtendsKeyword && !parent.endsWith('Error')) {
      report('inheritance', node, `class ${name} extends ${parent}; only errors inherit`)
    }
  }
}

function implemented(node: ts.ClassLikeDeclaration): string[] {
  return (node.heritageClauses ?? [])
    .filter((clause) => clause.token === ts.SyntaxKind.ImplementsKeyword)
    .flatMap((clause) => clause.types.map((type) => type.expression.getText()))
}

function isPublicMethod(member: ts.ClassElement): boolean {
  if (!ts.isMethodDeclaration(member) && !ts.isAccessor(member)) return false
  if (ts.isPrivateIdentifier(member.name)) return false
  const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword]
  return !hidden.some((modifier) => hasModifier(member, modifier))
}

function hasModifier(member: ts.ClassElement, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(member) && (ts.getModifiers(member) ?? []).some((m) => m.kind === kind)
}

function isFunctionWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

/** `describe` only groups; each test inside it is measured for itself. */
function isDescribeCallback(node: ts.FunctionLikeDeclaration): boolean {
  const call = node.parent
  return ts.isCallExpression(call) && /^describe\b/.test(call.expression.getText())
}

function functionLines(tree: ts.SourceFile, node: ts.Node): number {
  return lineOf(tree, node.getEnd()) - lineOf(tree, node.getStart(tree)) + 1
}
