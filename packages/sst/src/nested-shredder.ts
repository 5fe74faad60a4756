import {
  isNullBit,
  isPresent,
  readNestedCount,
  readNestedVarint,
  skipNestedBytes,
  skipNulls,
  VectorBuilder,
  type BytesVector,
  type NestedCursor,
  type Vector,
} from '@meru/core'
import type { LeafNode, NestedLeaf, NestedNode, NestedTree } from './nested-tree.ts'

/** One leaf of a nested column, taken apart: levels for each entry, and the values that are there. */
export interface ShreddedLeaf {
  readonly leaf: NestedLeaf
  readonly repetitions: Uint8Array
  readonly definitions: Uint8Array
  readonly values: Vector
  /** First entry of each page, then the number of entries; and the same of values. */
  readonly entryStarts: readonly number[]
  readonly valueStarts: readonly number[]
}

/**
 * Takes encoded nested values apart, without making values of them. The rows are those of `segments` one after the
 * other; pages start at `pageStarts`, which ends with the number of rows.
 */
export function shredNested(
  { root, leaves }: NestedTree,
  segments: readonly Vector[],
  pageStarts: readonly number[],
): ShreddedLeaf[] {
  const sinks = leaves.map((leaf) => new LeafSink(leaf))
  let row = 0
  let page = 0
  for (const segment of segments as readonly BytesVector[]) {
    const { bytes, offsets, length } = segment
    for (let i = 0; i < length; i++, row++) {
      if (row === pageStarts[page]) {
        for (const sink of sinks) sink.startPage()
        page++
      }
      if (isPresent(segment, i)) shred(root, { bytes, at: offsets[i], end: offsets[i + 1] }, 0, sinks)
      else addNull(root, 0, 0, sinks)
    }
  }
  return sinks.map((sink) => sink.finish())
}

function shred(node: NestedNode, from: NestedCursor, repetition: number, sinks: readonly LeafSink[]): void {
  switch (node.kind) {
    case 'leaf':
      return addValue(node, from, repetition, sinks[node.firstLeaf])
    case 'struct': {
      const nullsAt = skipNulls(from, node.optional)
      let bit = 0
      for (const field of node.fields) {
        if (!field.required && isNullBit(from.bytes, nullsAt, bit++)) {
          addNull(field, repetition, node.definition, sinks)
        } else shred(field, from, repetition, sinks)
      }
      return
    }
    case 'repeated': {
      const { key, element } = node
      const count = readNestedCount(from)
      if (count === 0) addNull(node, repetition, node.definition, sinks)
      const nullsAt = element.required ? -1 : skipNulls(from, count)
      for (let i = 0; i < count; i++) {
        const level = i === 0 ? repetition : node.repetition
        if (key !== undefined) shred(key, from, level, sinks)
        if (!element.required && isNullBit(from.bytes, nullsAt, i)) {
          addNull(element, level, node.definition + 1, sinks)
        } else shred(element, from, level, sinks)
      }
    }
  }
}

function addValue(
  { width, definition }: LeafNode,
  from: NestedCursor,
  repetition: number,
  sink: LeafSink,
): void {
  const size = width > 0 ? width : readNestedVarint(from)
  const at = skipNestedBytes(from, size)
  sink.add(repetition, definition)
  sink.values.append(from.bytes, at, at + size)
}

/** An entry without a value for each leaf below a part that is not there. */
function addNull(node: NestedNode, repetition: number, definition: number, sinks: readonly LeafSink[]): void {
  for (let leaf = node.firstLeaf; leaf < node.endLeaf; leaf++) sinks[leaf].add(repetition, definition)
}

class LeafSink {
  readonly values: VectorBuilder
  private readonly leaf: NestedLeaf
  private length = 0
  private levels: { repetitions: Uint8Array; definitions: Uint8Array } = {
    repetitions: new Uint8Array(1024),
    definitions: new Uint8Array(1024),
  }
  private readonly entryStarts: number[] = []
  private readonly valueStarts: number[] = []

  constructor(leaf: NestedLeaf) {
    this.leaf = leaf
    this.values = new VectorBuilder(leaf.physical, leaf.width)
  }

  startPage(): void {
    this.entryStarts.push(this.length)
    this.valueStarts.push(this.values.length)
  }

  add(repetition: number, definition: number): void {
    const { length } = this
    if (length === this.levels.repetitions.length) this.grow()
    this.levels.repetitions[length] = repetition
    this.levels.definitions[length] = definition
    this.length = length + 1
  }

  finish(): ShreddedLeaf {
    this.startPage()
    const { leaf, length, entryStarts, valueStarts } = this
    return {
      leaf,
      repetitions: this.levels.repetitions.subarray(0, length),
      definitions: this.levels.definitions.subarray(0, length),
      values: this.values.finish(),
      entryStarts,
      valueStarts,
    }
  }

  private grow(): void {
    const { repetitions, definitions } = this.levels
    const size = 2 * repetitions.length
    this.levels = { repetitions: new Uint8Array(size), definitions: new Uint8Array(size) }
    this.levels.repetitions.set(repetitions)
    this.levels.definitions.set(definitions)
  }
}
