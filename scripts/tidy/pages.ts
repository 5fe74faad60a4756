import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Fault } from './source.ts'

/** Pages have one title, and their links lead somewhere in the tree. */
export function checkPage(root: string, file: string): Fault[] {
  const faults: Fault[] = []
  const lines = proseLines(readFileSync(join(root, file), 'utf8'))
  const titles = lines.filter((line) => line.startsWith('# ')).length
  if (file.startsWith('docs/') && titles !== 1) {
    faults.push({ kind: 'page-title', file, line: 1, message: `${titles} titles, one expected` })
  }
  lines.forEach((line, index) => {
    for (const target of linksIn(line)) {
      const message = problemWith(root, file, target)
      if (message !== undefined) faults.push({ kind: 'dead-link', file, line: index + 1, message })
    }
  })
  return faults
}

/** The lines of a page, those inside code fences emptied so that numbering stays. */
function proseLines(text: string): string[] {
  let fence: string | undefined
  return text.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1]
    if (fence === undefined && mark !== undefined) {
      fence = mark
      return ''
    }
    if (fence === undefined) return line
    if (mark !== undefined && mark.startsWith(fence)) fence = undefined
    return ''
  })
}

function linksIn(line: string): string[] {
  const prose = line.replace(/`[^`]*`/g, '')
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map((match) => match[1])
  const reference = /^\s*\[[^\]]+\]:\s*(\S+)/.exec(prose)?.[1]
  return reference === undefined ? inline : [...inline, reference]
}

function problemWith(root: string, file: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined
  const [path, anchor] = target.split('#')
  if (path.startsWith('/')) return `${target} is absolute`
  const page = path === '' ? file : normalize(join(dirname(file), decodeURI(path)))
  const full = join(root, page)
  if (!existsSync(full)) return `${target} leads nowhere`
  if (anchor === undefined || anchor === '' || !page.endsWith('.md') || !statSync(full).isFile()) {
    return undefined
  }
  return headingIds(full).has(anchor) ? undefined : `${target}: no such heading`
}

/** The ids that a code host gives to headings; a repeated heading gets a number. */
function headingIds(page: string): Set<string> {
  const ids = new Set<string>()
  for (const line of proseLines(readFileSync(page, 'utf8'))) {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1]
    if (heading === undefined) continue
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const id = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let unique = id
    for (let n = 1; ids.has(unique); n++) unique = `${id}-${n}`
    ids.add(unique)
  }
  return ids
}
