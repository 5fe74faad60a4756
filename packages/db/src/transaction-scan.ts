import { type AnyRange, ByteWriter, type ColumnBatch, type RowCodec } from '@meru/core'
import type { PieceSource } from './piece-iterator.ts'
import type { ScanSource } from './row-scan.ts'
import { behind, type SeenRange, type TableTrace } from './transaction-trace.ts'

type AnyRow = Record<string, unknown>

interface Query extends AnyRange {
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
  readonly select?: readonly string[] | undefined
}

export interface TransactionScanParts {
  readonly query: Query
  readonly trace: TableTrace
  /** The scan that reads, for the columns of `columnsWithKeys`. */
  readonly scan: ScanSource<AnyRow>
  /** False under snapshot isolation, where it does not matter what was read. */
  readonly notesReads: boolean
  /** Throws if the transaction must not go on. */
  readonly check: () => void
}

/** The columns that a scan reads: those asked for, and after them the key, which says how far it came. */
export function columnsWithKeys(
  codec: RowCodec<unknown, unknown>,
  select: readonly string[] | undefined,
): readonly string[] | undefined {
  return select === undefined ? undefined : [...new Set([...select, ...codec.key.names])]
}

/** A scan within a transaction: notes of which range it handed rows out. */
export class TransactionScan implements ScanSource<AnyRow> {
  readonly #parts: TransactionScanParts

  constructor(parts: TransactionScanParts) {
    this.#parts = parts
  }

  rows(limit: number): PieceSource<AnyRow[]> {
    const { query, trace, scan } = this.#parts
    const { select } = query
    const seen = this.#note(Math.min(limit, query.limit ?? limit))
    return this.#checked(scan.rows(limit), (rows) => {
      seen?.(rows?.length, () => keyOf(trace, rows?.at(-1) ?? {}))
      if (rows === undefined || select === undefined) return rows
      return rows.map((row) => Object.fromEntries(select.map((name) => [name, row[name]])))
    })
  }

  batches(): PieceSource<ColumnBatch> {
    const { query, trace, scan } = this.#parts
    const { codec } = trace
    const names = columnsWithKeys(codec, query.select) ?? codec.all.names
    const keyPlaces = codec.key.names.map((name) => names.indexOf(name))
    const columnIds = codec.select(query.select).columnIds
    const seen = this.#note(query.limit ?? Infinity)
    return this.#checked(scan.batches(), (batch) => {
      seen?.(batch?.length, () => {
        const columns = keyPlaces.map((place) => (batch as ColumnBatch).columns[place])
        return keyOf(trace, codec.rowAt(columns, (batch as ColumnBatch).length - 1, codec.key) as AnyRow)
      })
      if (batch === undefined) return undefined
      return { length: batch.length, columnIds, columns: batch.columns.slice(0, columnIds.length) }
    })
  }

  async count(): Promise<number> {
    const { query, trace, scan, notesReads, check } = this.#parts
    check()
    if (notesReads) trace.ranges.push(rangeOf(trace, query))
    return scan.count()
  }

  /** Takes the rows of each piece, with what makes the key of the last one, and at the end `undefined`. */
  #note(limit: number): ((rows: number | undefined, lastKey: () => Uint8Array) => void) | undefined {
    const { query, trace, notesReads } = this.#parts
    if (!notesReads) return undefined
    const { lower, upper } = rangeOf(trace, query)
    const seen: SeenRange = { lower, upper: new Uint8Array(0) }
    trace.ranges.push(seen)
    let taken = 0
    return (rows, lastKey) => {
      // With as many rows as it may have, a scan has not looked behind the last one.
      if (rows === undefined && taken >= limit) return
      seen.lower = lower
      seen.upper = upper
      if (rows === undefined) return
      taken += rows
      if (query.reverse === true) seen.lower = lastKey()
      else seen.upper = behind(lastKey())
    }
  }

  #checked<Piece>(
    source: PieceSource<Piece>,
    take: (piece: Piece | undefined) => Piece | undefined,
  ): PieceSource<Piece> {
    const { check } = this.#parts
    return {
      next: () => {
        check()
        const piece = source.next()
        if (!(piece instanceof Promise)) return take(piece)
        return piece.then((loaded) => {
          check()
          return take(loaded)
        })
      },
      close: () => source.close(),
    }
  }
}

function rangeOf({ codec }: TableTrace, query: Query): SeenRange {
  const { lower, upper } = codec.encodeRange(query)
  return { lower, upper }
}

function keyOf({ codec }: TableTrace, row: AnyRow): Uint8Array {
  const out = new ByteWriter(64)
  codec.encodeKey(Object.fromEntries(codec.key.names.map((name) => [name, row[name]])), out)
  return out.written()
}
