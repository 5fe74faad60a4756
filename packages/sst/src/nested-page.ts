import { CorruptionError, type BytesVector } from '@meru/core'
import type { LoadedRange } from './byte-ranges.ts'
import { readRuns } from './dictionary-indexes.ts'
import { assembleNested, type LeafPage } from './nested-assembler.ts'
import { levelBits } from './nested-chunk.ts'
import type { NestedLeaf } from './nested-tree.ts'
import { dataPage } from './page-body.ts'
import type { NestedPlaces } from './page-places.ts'
import type { PageBody } from './vector-sink.ts'

/** A page of a nested column: those of all its leaves, checked, decompressed and put together. */
export function nestedPage(
  file: string,
  { tree, leaves }: NestedPlaces,
  page: number,
  group: number,
  loaded: readonly LoadedRange[],
): BytesVector {
  const { firstRows } = leaves[0].grid
  const rows = firstRows[page + 1] - firstRows[page]
  const pages = leaves.map((places, i) => {
    const body = dataPage(file, places, page, group, loaded, undefined)
    return leafPage(body, tree.leaves[i], places.entries?.[page] ?? rows)
  })
  return assembleNested(tree, pages, rows)
}

function leafPage(body: PageBody, leaf: NestedLeaf, entries: number): LeafPage {
  const { bytes, end, where } = body
  let start = body.start
  const levels = (max: number): Uint32Array => {
    const into = new Uint32Array(entries)
    if (max === 0) return into
    const fail = (problem: string): never => {
      throw new CorruptionError(where, `levels: ${problem}`)
    }
    const from = start + 4
    if (from > end) fail('none')
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start, true)
    start = from + length
    if (start > end) fail(`${length} bytes, ${end - from} left`)
    readRuns(
      { bytes, start: from, end: start },
      { count: entries, bitWidth: levelBits(max), limit: max + 1 },
      into,
      fail,
    )
    return into
  }
  const repetitions = levels(leaf.maxRepetition)
  const definitions = levels(leaf.maxDefinition)
  return { repetitions, definitions, bytes, start, end, where }
}
