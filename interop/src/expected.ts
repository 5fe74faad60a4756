import type { Cell } from './matrix.ts'

/** What readers are known not to be able to, whoever writes the table. */
const LIMITS: readonly { readonly reader: string; readonly format: RegExp; readonly why: string }[] = [
  { reader: 'iceberg (Rust)', format: /vectors/, why: 'this release has no deletion vectors' },
  { reader: 'icebird', format: /vectors/, why: 'this release has no deletion vectors' },
]

/** Why a reader may fail; `undefined` if it may not. */
export function expectation({
  reader,
  formatVersion,
}: Pick<Cell, 'reader' | 'formatVersion'>): string | undefined {
  return LIMITS.find((limit) => limit.reader === reader && limit.format.test(formatVersion))?.why
}

/** What is not compared. */
const NOTES: Readonly<Record<string, string>> = {
  icebird: 'bytes are left out, which it takes for text, and its decimals are rounded back',
}

/** What a reader of the matrix has to know of a row; empty if nothing. */
export function remark(cell: Pick<Cell, 'reader' | 'formatVersion'>): string {
  return expectation(cell) ?? NOTES[cell.reader] ?? ''
}
