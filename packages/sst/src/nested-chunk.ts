import type { ByteWriter } from '@meru/core'
import { encodePages, type EncodedChunk } from './chunk-encoder.ts'
import type { Codec } from './compression.ts'
import { appendIndexes } from './dictionary-indexes.ts'
import type { PageOutput } from './file-output.ts'
import type { ShreddedLeaf } from './nested-shredder.ts'
import { appendPlain } from './page-encoder.ts'
import { rangeStats, type RangeStats, type StatRules } from './statistics.ts'

/** Appends the chunk of one leaf of a nested column. The values are PLAIN. */
export function encodeLeafChunk(
  codec: Codec,
  rules: StatRules,
  shredded: ShreddedLeaf,
  out: PageOutput,
): Promise<EncodedChunk> {
  const { leaf, repetitions, definitions, values, entryStarts, valueStarts } = shredded
  const appendBody = (page: number, body: ByteWriter): void => {
    const from = entryStarts[page]
    const to = entryStarts[page + 1]
    if (leaf.maxRepetition > 0) appendLevels(repetitions.subarray(from, to), leaf.maxRepetition, body)
    if (leaf.maxDefinition > 0) appendLevels(definitions.subarray(from, to), leaf.maxDefinition, body)
    appendPlain({ vector: values, from: valueStarts[page], to: valueStarts[page + 1] }, 0, body)
  }
  const stats = entryStarts.slice(1).map((_, page) => leafStats(shredded, page, rules))
  return encodePages({ codec, dictionary: undefined, pageStarts: entryStarts, appendBody, stats }, out)
}

/** Bits that hold every level up to the largest. */
export function levelBits(max: number): number {
  return 32 - Math.clz32(max)
}

function appendLevels(levels: Uint8Array, max: number, out: ByteWriter): void {
  const lengthAt = out.length
  out.u32(0)
  appendIndexes(Uint32Array.from(levels), 0, levels.length, levelBits(max), out)
  out.view.setUint32(lengthAt, out.length - lengthAt - 4, true)
}

/** Entries, and those without a value; bounds only where every entry belongs to a row of its own. */
function leafStats(
  { leaf, values, entryStarts, valueStarts }: ShreddedLeaf,
  page: number,
  rules: StatRules,
): RangeStats {
  const entries = entryStarts[page + 1] - entryStarts[page]
  const from = valueStarts[page]
  const to = valueStarts[page + 1]
  const counts = { values: entries, nulls: entries - (to - from) }
  if (leaf.maxRepetition > 0) return { ...counts, nans: 0, min: undefined, max: undefined, signs: 0 }
  return { ...rangeStats(values, from, to, 0, rules), ...counts }
}
