/** A table in Markdown; all columns after the first `left` ones are numbers. */
export function table(head: readonly string[], lines: readonly (readonly string[])[], left = 1): string {
  const rule = head.map((_, column) => (column < left ? '---' : '---:'))
  const rows = [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`)
  return rows.join('\n')
}

/** A number with as many digits as are worth reading; a dash where there is none. */
export function number(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
