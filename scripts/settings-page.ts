// Writes docs/settings.md from the settings themselves: their comments, types and defaults.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..')
export const SETTINGS_PAGE: string = join(ROOT, 'docs/settings.md')
const SOURCE = join(ROOT, 'packages/db/src/settings.ts')
/** Names of the source for numbers of bytes. */
const UNITS: Readonly<Record<string, number>> = { KIB: 1024, MIB: 1024 ** 2 }
const SIZES = [
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB'],
] as const

const HEAD = `# Settings

Numbers and choices of a database, each with a default: \`open(path, { settings: { workers: 2 } })\`. Names that there are not,
and values out of range, are a \`TypeError\`. They may differ from one opening to the next. What is code, and not a number, is
in \`components\`: the file system, the clock, a page cache shared by several databases, a listener for events.

Written by script from the source: \`npx -y pnpm@12 settings:page\`.

| setting | default | what |
|---|---|---|
`

interface Setting {
  readonly name: string
  readonly text: string
}

function settingsOf(source: ts.SourceFile): Setting[] {
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === 'Settings',
  )
  if (found === undefined) throw new Error('there is no interface Settings')
  return found.members.map((member) => {
    const name = member.name?.getText() ?? ''
    const comments = ts.getJSDocCommentsAndTags(member).map((doc) => ts.getTextOfJSDocComment(doc.comment))
    const text = comments.join(' ').replaceAll(/\s+/g, ' ').trim()
    if (text === '') throw new Error(`setting ${name} has no comment`)
    return { name, text }
  })
}

/** The source text of each default, by name. */
function defaultsOf(source: ts.SourceFile): Map<string, string> {
  const defaults = new Map<string, string>()
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() !== 'DEFAULT_SETTINGS') return
    if (ts.isPropertyAssignment(node)) {
      const value = ts.isAsExpression(node.initializer) ? node.initializer.expression : node.initializer
      defaults.set(node.name.getText(), value.getText())
    } else {
      ts.forEachChild(node, visit)
    }
  }
  source.statements.filter(ts.isVariableStatement).forEach(visit)
  return defaults
}

/** A default as a person reads it: bytes by their unit, all else as in the source. */
function showDefault(name: string, text: string): string {
  if (!name.includes('Bytes')) return `\`${text}\``
  const bytes = text
    .split('*')
    .map((factor) => UNITS[factor.trim()] ?? Number(factor))
    .reduce((product, factor) => product * factor, 1)
  const [size, unit] = SIZES.find(([candidate]) => bytes % candidate === 0) ?? [1, 'bytes']
  return `${bytes / size} ${unit}`
}

/** The page as it is to be. */
export function settingsPage(): string {
  const source = ts.createSourceFile(SOURCE, readFileSync(SOURCE, 'utf8'), ts.ScriptTarget.Latest, true)
  const defaults = defaultsOf(source)
  const rows = settingsOf(source).map(
    ({ name, text }) =>
      `| \`${name}\` | ${showDefault(name, defaults.get(name) ?? '')} | ${text.replaceAll('|', '\\|')} |`,
  )
  return `${HEAD}${rows.join('\n')}\n`
}

if (import.meta.main) writeFileSync(SETTINGS_PAGE, settingsPage())
