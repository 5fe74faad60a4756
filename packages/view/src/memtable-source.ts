import {
  BytesBuilder,
  compareBytes,
  type Filter,
  KIND_DELETE,
  Shredder,
  type BytesVector,
  type SchemaProjection,
  type TableSchema,
  type Vector,
} from '@meru/core'
import type { Memtable, MemtableCursor } from '@meru/memtable'
import { projectedEntry } from './project-row.ts'
import type { RowSource, SourceChunk } from './source.ts'

interface Head {
  readonly memtable: Memtable
  readonly cursor: MemtableCursor
  readonly projection: SchemaProjection | undefined
  ref: number
}

/** The newest visible entry of each key over several memtables, deletions included. */
export class MemtableSource implements RowSource {
  /** Newest memtable first, so that the first of equal keys is the newest. */
  private readonly heads: Head[]
  private readonly shredder: Shredder
  private readonly columnPlaces: readonly number[]
  private readonly filtered: { readonly filter: Filter; readonly places: readonly number[] } | undefined
  private readonly reverse: boolean

  constructor(
    memtables: readonly Memtable[],
    options: {
      lower: Uint8Array | undefined
      upper: Uint8Array | undefined
      seqno: number
      schema: TableSchema
      columnIds: readonly number[]
      reverse: boolean
      filter?: Filter | undefined
      projections?: ReadonlyMap<Memtable, SchemaProjection> | undefined
    },
  ) {
    this.heads = memtables.map((memtable) => {
      const cursor = memtable.cursor({
        ...(options.lower === undefined ? {} : { lower: options.lower }),
        ...(options.upper === undefined ? {} : { upper: options.upper }),
        reverse: options.reverse,
        seqnoMax: options.seqno,
      })
      return { memtable, cursor, projection: options.projections?.get(memtable), ref: cursor.next() }
    })
    this.shredder = new Shredder(options.schema)
    const placeOf = (id: number): number => options.schema.columns.findIndex((column) => column.id === id)
    this.columnPlaces = options.columnIds.map(placeOf)
    const { filter } = options
    this.filtered = filter && { filter, places: filter.columnIds.map(placeOf) }
    this.reverse = options.reverse
  }

  next(rows: number): Promise<SourceChunk | undefined> {
    return Promise.resolve(this.take(rows))
  }

  private take(rows: number): SourceChunk | undefined {
    const keys = new BytesBuilder()
    const hidden = new Uint8Array(rows)
    const slots = new Uint32Array(rows)
    let length = 0
    let puts = 0
    while (length < rows) {
      const head = this.first()
      if (head === undefined) break
      const { memtable, ref } = head
      const keyStart = memtable.keyStartOf(ref)
      const keyEnd = memtable.keyEndOf(ref)
      keys.append(memtable.bytes, keyStart, keyEnd)
      if (memtable.kindOf(ref) === KIND_DELETE) {
        hidden[length] = 1
      } else {
        const value = memtable.valueStartOf(ref)
        if (head.projection === undefined) {
          this.shredder.append(memtable.bytes, keyStart, keyEnd, value, memtable.valueEndOf(ref))
        } else this.appendProjected(head.projection, memtable, ref)
        slots[length] = puts++
      }
      length++
      this.pass(head)
    }
    if (length === 0) return undefined
    const columns = this.shredder.finish()
    this.hideOthers(columns, hidden.subarray(0, length), slots, puts)
    const chunk = {
      length,
      keys: keys.finish(),
      columns: this.columnPlaces.map((place): Vector => columns[place]),
      hidden: hidden.subarray(0, length),
      slots: slots.subarray(0, length),
    }
    return this.reverse ? reversed(chunk) : chunk
  }

  /** Rows that do not match are hidden, so that they still hide what lies below them. */
  private hideOthers(columns: readonly Vector[], hidden: Uint8Array, slots: Uint32Array, puts: number): void {
    if (this.filtered === undefined) return
    const { filter, places } = this.filtered
    const isMatch = new Uint8Array(puts)
    const filterColumns = places.map((place): Vector => columns[place])
    for (const slot of filter.matches(filterColumns, puts)) isMatch[slot] = 1
    for (let row = 0; row < hidden.length; row++) {
      if (hidden[row] === 0 && isMatch[slots[row]] === 0) hidden[row] = 1
    }
  }

  private appendProjected(projection: SchemaProjection, memtable: Memtable, ref: number): void {
    const entry = projectedEntry(projection, {
      bytes: memtable.bytes,
      keyStart: memtable.keyStartOf(ref),
      keyEnd: memtable.keyEndOf(ref),
      valueStart: memtable.valueStartOf(ref),
      valueEnd: memtable.valueEndOf(ref),
    })
    this.shredder.append(entry.bytes, entry.keyStart, entry.keyEnd, entry.valueStart, entry.valueEnd)
  }

  /** The head with the next key; of equal keys that of the newest memtable. */
  private first(): Head | undefined {
    let best: Head | undefined
    for (const head of this.heads) {
      if (head.ref === 0) continue
      if (best === undefined) best = head
      else {
        const order = compareHeads(head, best)
        if (this.reverse ? order > 0 : order < 0) best = head
      }
    }
    return best
  }

  /** Moves `taken` and every other head with its key on. */
  private pass(taken: Head): void {
    for (const head of this.heads) {
      if (head !== taken && head.ref !== 0 && compareHeads(head, taken) === 0) head.ref = head.cursor.next()
    }
    taken.ref = taken.cursor.next()
  }
}

function compareHeads(a: Head, b: Head): number {
  return compareBytes(
    a.memtable.bytes,
    a.memtable.keyStartOf(a.ref),
    a.memtable.keyEndOf(a.ref),
    b.memtable.bytes,
    b.memtable.keyStartOf(b.ref),
    b.memtable.keyEndOf(b.ref),
  )
}

/** Chunks are ascending; a backward walk collected the rows from the last to the first. */
function reversed(
  chunk: Required<Pick<SourceChunk, 'length' | 'hidden' | 'slots' | 'columns'>> & { keys: BytesVector },
): SourceChunk {
  const keys = new BytesBuilder()
  for (let row = chunk.length - 1; row >= 0; row--) {
    keys.append(chunk.keys.bytes, chunk.keys.offsets[row], chunk.keys.offsets[row + 1])
  }
  return { ...chunk, keys: keys.finish(), hidden: chunk.hidden.toReversed(), slots: chunk.slots.toReversed() }
}
