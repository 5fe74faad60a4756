/**
 * How pages are compressed: each column chunk for which that pays, see `choosePageCodec`; the others are plain. Numbers that hardly
 * repeat are plain, texts mostly compressed.
 */
export type Compression = 'none' | 'snappy' | 'zstd'

/** The sizes and encodings of one SST. Plain data. */
export interface SstLayout {
  /** Rows of a page of a typed column; a multiple of 8. All typed columns have the same page boundaries. */
  readonly pageRows: number
  /** A page has fewer rows if the values of all typed columns in it would take more bytes than this. */
  readonly pageBytes: number
  /** Level 0: bytes of a page of encoded rows, unless one row is larger. A point read reads one such page. */
  readonly rowPageBytes: number
  /** Most rows of a row group; a multiple of `pageRows`. */
  readonly rowGroupRows: number
  /** Most bytes of a row group before encoding, unless one page is larger. Bounds the memory of a writer. */
  readonly rowGroupBytes: number
  readonly compression: Compression
  /** Whether columns with few distinct values are written as indexes into a dictionary. */
  readonly dictionary: boolean
  /** Bits of the key filter for each row: 10 let about one absent key in a hundred pass. */
  readonly filterBits: number
}

const KIB = 1024
const MIB = 1024 * KIB

/** Written once, read by key, soon compacted: cheap to write. */
const LEVEL_0: SstLayout = Object.freeze({
  pageRows: 2048,
  pageBytes: MIB,
  rowPageBytes: 8 * KIB,
  rowGroupRows: 128 * KIB,
  rowGroupBytes: 64 * MIB,
  compression: 'none',
  dictionary: false,
  filterBits: 10,
})

/** Read by scans, by other engines and, page by page, by key: small. */
const DEEPER: SstLayout = Object.freeze({
  pageRows: 512,
  pageBytes: MIB,
  rowPageBytes: 0,
  rowGroupRows: 128 * KIB,
  rowGroupBytes: 64 * MIB,
  compression: 'zstd',
  dictionary: true,
  filterBits: 10,
})

/** The layout of a level, with single settings replaced. Pure. Throws a `TypeError` for settings that cannot be. */
export function layoutFor(level: number, overrides: Partial<SstLayout> = {}): SstLayout {
  const layout: SstLayout = { ...(level === 0 ? LEVEL_0 : DEEPER), ...overrides }
  const { pageRows, pageBytes, rowGroupRows, rowPageBytes, rowGroupBytes, filterBits } = layout
  const problem =
    !isCount(pageRows) || pageRows % 8 !== 0
      ? `pageRows is ${pageRows}, a positive multiple of 8 expected`
      : !isCount(rowGroupRows) || rowGroupRows % pageRows !== 0
        ? `rowGroupRows is ${rowGroupRows}, a positive multiple of pageRows (${pageRows}) expected`
        : !(rowPageBytes >= 0 && pageBytes > 0 && rowGroupBytes > 0)
          ? `rowPageBytes, pageBytes and rowGroupBytes are ${rowPageBytes}, ${pageBytes} and ${rowGroupBytes}`
          : !(filterBits >= 1 && filterBits <= 64)
            ? `filterBits is ${filterBits}, 1 to 64 expected`
            : undefined
  if (problem !== undefined) throw new TypeError(`layout of level ${level}: ${problem}`)
  return layout
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0
}
