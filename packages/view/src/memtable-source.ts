import {
  BytesBuilder,
  compareBytes,
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
    this.columnPlaces = options.columnIds.map((id) => options.schema.columns.findIndex((c) => c.id === id))
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
    const chunk = {
      length,
      keys: keys.finish(),
      columns: this.columnPlaces.map((place): Vector => columns[place]),
      hidden: hidden.subarray(0, length),
      slots: slots.subarray(0, length),
    }
    return this.reverse ? reversed(chunk) : chunk
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
