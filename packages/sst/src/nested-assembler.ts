import { appendNulls, ByteWriter, CorruptionError, setNullBit, type BytesVector } from '@meru/core'
import type { LeafNode, NestedNode, NestedTree } from './nested-tree.ts'

/** One page of a leaf of a nested column. */
export interface LeafPage {
  /** Parallel; one for each entry. */
  readonly repetitions: Uint32Array
  readonly definitions: Uint32Array
  /** The values that are there in encoding PLAIN: `bytes[start .. end)`. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly where: { readonly file: string; readonly offset: number }
}

/** Makes encoded nested values of the pages of all leaves, which hold the same `rows` rows: what `shredNested` takes apart. */
export function assembleNested(tree: NestedTree, pages: readonly LeafPage[], rows: number): BytesVector {
  const { root } = tree
  const cursors = pages.map((page, i) => new LeafCursor(page, tree.leaves[i].physical === 'bool'))
  const first = cursors[root.firstLeaf]
  const out = new ByteWriter(1024)
  const offsets = new Uint32Array(rows + 1)
  let validity: Uint8Array | undefined
  for (let row = 0; row < rows; row++) {
    if (first.definition() >= root.definition) {
      assemble(root, cursors, out)
    } else {
      if (validity === undefined) validity = new Uint8Array((rows + 7) >>> 3).fill(0xff)
      validity[row >>> 3] &= ~(1 << (row & 7))
      skipEntry(root, cursors)
    }
    offsets[row + 1] = out.length
  }
  for (const cursor of cursors) cursor.finish()
  if (validity !== undefined && (rows & 7) !== 0) validity[validity.length - 1] &= (1 << (rows & 7)) - 1
  const base = validity === undefined ? { length: rows } : { length: rows, validity }
  return { physical: 'bytes', ...base, bytes: out.written(), offsets }
}

/** Appends the value that the leaves below a node stand at; it is not null. */
function assemble(node: NestedNode, cursors: readonly LeafCursor[], out: ByteWriter): void {
  switch (node.kind) {
    case 'leaf':
      return cursors[node.firstLeaf].take(node, out)
    case 'struct': {
      const nullsAt = appendNulls(out, node.optional)
      let bit = 0
      for (const field of node.fields) {
        if (field.required || cursors[field.firstLeaf].definition() >= field.definition) {
          assemble(field, cursors, out)
        } else {
          setNullBit(out.bytes, nullsAt, bit)
          skipEntry(field, cursors)
        }
        if (!field.required) bit++
      }
      return
    }
    case 'repeated': {
      const { key, element } = node
      const first = cursors[element.firstLeaf]
      if (first.definition() <= node.definition) {
        out.varint(0)
        skipEntry(node, cursors)
        return
      }
      const count = first.countElements(node.repetition)
      out.varint(count)
      const nullsAt = element.required ? -1 : appendNulls(out, count)
      for (let i = 0; i < count; i++) {
        if (key !== undefined) assemble(key, cursors, out)
        if (element.required || first.definition() >= element.definition) assemble(element, cursors, out)
        else {
          setNullBit(out.bytes, nullsAt, i)
          skipEntry(element, cursors)
        }
      }
    }
  }
}

/** Steps over the entries that stand for a part that is not there: one in each leaf below. */
function skipEntry(node: NestedNode, cursors: readonly LeafCursor[]): void {
  for (let leaf = node.firstLeaf; leaf < node.endLeaf; leaf++) cursors[leaf].skip()
}

class LeafCursor {
  private readonly page: LeafPage
  private readonly isBool: boolean
  private entry = 0
  /** Where the next value is: a byte, or, of booleans, a bit from the start of the values on. */
  private at: number

  constructor(page: LeafPage, isBool: boolean) {
    this.page = page
    this.isBool = isBool
    this.at = isBool ? 0 : page.start
  }

  /** The definition level of the entry that it stands at. */
  definition(): number {
    const { definitions } = this.page
    if (this.entry >= definitions.length) throw this.corrupt('more values are expected than it holds')
    return definitions[this.entry]
  }

  skip(): void {
    this.definition()
    this.entry++
  }

  /** How many elements the list has that starts at this entry, given the repetition level of its further elements. */
  countElements(repetition: number): number {
    const { repetitions } = this.page
    let count = 1
    for (let i = this.entry + 1; i < repetitions.length && repetitions[i] >= repetition; i++) {
      if (repetitions[i] === repetition) count++
    }
    return count
  }

  /** Appends the value of the entry, as nested values hold it. */
  take({ width, definition }: LeafNode, out: ByteWriter): void {
    const { bytes, start, end } = this.page
    if (this.definition() !== definition) throw this.corrupt('a value is missing')
    this.entry++
    if (this.isBool) {
      if (start + (this.at >>> 3) >= end) throw this.corrupt('fewer bits than values')
      out.u8((bytes[start + (this.at >>> 3)] >>> (this.at & 7)) & 1)
      this.at++
      return
    }
    let size = width
    if (width === 0) {
      if (this.at + 4 > end) throw this.corrupt('it ends inside of a length')
      const { at } = this
      size = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
      this.at += 4
      out.varint(size)
    }
    if (!(size <= end - this.at)) throw this.corrupt(`a value of ${size} bytes, ${end - this.at} left`)
    out.append(bytes.subarray(this.at, this.at + size))
    this.at += size
  }

  /** Throws unless all of the page was used. */
  finish(): void {
    const { definitions, start, end } = this.page
    const used = this.isBool ? start + ((this.at + 7) >>> 3) : this.at
    if (this.entry === definitions.length && used === end) return
    throw this.corrupt(`${definitions.length - this.entry} entries and ${end - used} bytes too many`)
  }

  private corrupt(problem: string): CorruptionError {
    return new CorruptionError(this.page.where, `a page of a nested column: ${problem}`)
  }
}
