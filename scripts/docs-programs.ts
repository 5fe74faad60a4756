/** A program on a page: a block of TypeScript, and those that continue it. */
export interface Program {
  /** Where its first block begins, counted from 1. */
  readonly line: number
  /** Its code at the lines of the page, so that an error names the place. */
  readonly code: string
}

/** The blocks that begin with ```ts, each a program of its own; "```ts continued" goes on with the one before. */
export function extractPrograms(page: string): Program[] {
  const programs: { line: number; lines: string[] }[] = []
  let block: string[] | undefined
  page.split('\n').forEach((text, index) => {
    if (block !== undefined) {
      if (text.trim() === '```') block = undefined
      else block[index] = text
      return
    }
    const info = /^```ts\b(.*)$/.exec(text)?.[1].trim()
    if (info === undefined) return
    const last = programs.at(-1)
    if (info === 'continued' && last !== undefined) {
      block = last.lines
    } else {
      block = []
      programs.push({ line: index + 1, lines: block })
    }
  })
  return programs.map(({ line, lines }) => ({
    line,
    code: `${Array.from(lines, (text) => text ?? '').join('\n')}\n`,
  }))
}

/** What the code says that it prints: the comments `// → …`, one for each line of output. */
export function expectedOutput(code: string): string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text.trimEnd())
}
