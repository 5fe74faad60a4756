import ts from 'typescript'
import { lineOf, type Fault, type Source } from './source.ts'

const HISTORY: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/#\d+\b/, 'an issue number'],
  [/\b(issue|bug|ticket|PR)\s+#?\d+/i, 'an issue number'],
  [/\bphase\b/i, 'the plan'],
  [/\bregression\b/i, 'the history'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work'],
]

const CODE =
  /^(import\s.*\sfrom\s+['"]|(const|let|var)\s+\w+(: [^=]+)?\s=\s|(if|for|while)\s\(.*\)\s*\{?$|\}$)/

/** A comment says what the code cannot: contract, invariant, unit, reason. Git keeps the rest. */
export function checkComments(source: Source): Fault[] {
  const faults: Fault[] = []
  for (const { position, text } of comments(source)) {
    text.split('\n').forEach((lineText, offset) => {
      const line = lineOf(source.tree, position) + offset
      for (const [pattern, what] of HISTORY) {
        if (!pattern.test(lineText)) continue
        const message = `the comment cites ${what}: ${lineText.trim()}`
        faults.push({ kind: 'comment-history', file: source.file, line, message })
        break
      }
      const isLineComment = text.startsWith('//')
      if (isLineComment && CODE.test(lineText.replace(/^\/\/\s*/, ''))) {
        const message = 'code in a comment; delete it'
        faults.push({ kind: 'commented-code', file: source.file, line, message })
      }
    })
  }
  return faults
}

interface Comment {
  readonly position: number
  readonly text: string
}

/** Comments hang on tokens, so every token is asked for those before and after it. */
function comments(source: Source): Comment[] {
  const found = new Map<number, Comment>()
  const collect = (ranges: readonly ts.CommentRange[] | undefined): void => {
    for (const { pos, end } of ranges ?? []) {
      found.set(pos, { position: pos, text: source.text.slice(pos, end) })
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return
    collect(ts.getLeadingCommentRanges(source.text, node.getFullStart()))
    collect(ts.getTrailingCommentRanges(source.text, node.getEnd()))
    node.getChildren(source.tree).forEach(visit)
  }
  visit(source.tree)
  return [...found.values()]
}
