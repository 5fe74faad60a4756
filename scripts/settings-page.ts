// Writes docs/settings.md from the settings themselves: their comments, types and defaults.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { DEFAULT_SETTINGS } from '../packages/db/src/settings.ts'

const ROOT = join(import.meta.dirname, '..')
export const SETTINGS_PAGE: string = join(ROOT, 'docs/settings.md')
const SOURCE = join(ROOT, 'packages/db/src/settings.ts')
const MIB = 1024 * 1024
const GIB = 1024 * MIB

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

function settingsOf(source: string): Setting[] {
  const file = ts.createSourceFile('settings.ts', source, ts.ScriptTarget.Latest, true)
  const found = file.statements.find(
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

/** A default as a person reads it: bytes by their unit, all else as in the source. */
function showDefault(name: string, value: unknown): string {
  if (typeof value !== 'number' || !name.includes('Bytes')) return `\`${JSON.stringify(value)}\``
  if (value % GIB === 0) return `${value / GIB} GiB`
  return value % MIB === 0 ? `${value / MIB} MiB` : `${value} bytes`
}

/** The page as it is to be. */
export function settingsPage(): string {
  const defaults = new Map(Object.entries(DEFAULT_SETTINGS))
  const rows = settingsOf(readFileSync(SOURCE, 'utf8')).map(
    ({ name, text }) =>
      `| \`${name}\` | ${showDefault(name, defaults.get(name))} | ${text.replaceAll('|', '\\|')} |`,
  )
  return `${HEAD}${rows.join('\n')}\n`
}

if (import.meta.main) writeFileSync(SETTINGS_PAGE, settingsPage())
