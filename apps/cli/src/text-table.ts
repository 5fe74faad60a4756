export interface TextTableOptions {
  /** Columns whose cells stand at the right, as numbers do. */
  readonly right?: ReadonlySet<number>
  /** No column is drawn wider; longer cells end in `…`. */
  readonly widthMax?: number
}

/** Lines of aligned columns under their headings. Cells are shown on one line. */
export function textTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: TextTableOptions = {},
): string[] {
  const widths = columnWidths(headings, rows, options)
  return [
    tableLine(headings, widths, options.right),
    tableLine(
      widths.map((width) => '─'.repeat(width)),
      widths,
    ),
    ...rows.map((row) => tableLine(row, widths, options.right)),
  ]
}

export function columnWidths(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: TextTableOptions = {},
): number[] {
  const widthMax = options.widthMax ?? Number.MAX_SAFE_INTEGER
  return headings.map((heading, index) =>
    Math.min(
      widthMax,
      rows.reduce((width, row) => Math.max(width, row[index].length), heading.length),
    ),
  )
}

export function tableLine(
  cells: readonly string[],
  widths: readonly number[],
  right?: ReadonlySet<number>,
): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index]
    const text = cell.length > width ? `${cell.slice(0, Math.max(0, width - 1))}…` : cell
    return right?.has(index) === true ? text.padStart(width) : text.padEnd(width)
  })
  return padded.join('  ').trimEnd()
}
