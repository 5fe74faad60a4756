/** What one column of an SST holds. Bounds are Iceberg single values (spec, appendix D), loose but never wrong. */
export interface ColumnStats {
  /** Field id. */
  readonly id: number
  /** Values, nulls included. */
  readonly values: number
  readonly nulls: number
  /** NaN values; only for float and double. */
  readonly nans?: number
  /** Not above any value; absent if unknown, or if every value is null or NaN. */
  readonly lower?: Uint8Array
  /** Not below any value; absent if unknown, or if every value is null or NaN. */
  readonly upper?: Uint8Array
  /** Bytes in the file, compressed, page headers included. */
  readonly bytes: number
}

/** What an SST says of itself; kept in the manifest, so that a version is usable without opening files. */
export interface SstMeta {
  /** UUID, lower case; the file is `<id>.parquet`. Never reused. */
  readonly id: string
  readonly level: number
  /** The schema the file was written under. */
  readonly schemaId: number
  readonly rows: number
  /** Length of the file. */
  readonly bytes: number
  /** SHA-256 of the whole file, hex. */
  readonly hash: string
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  readonly minSeqno: number
  readonly maxSeqno: number
  /** File offsets where row groups start, ascending. */
  readonly splitOffsets: readonly number[]
  /**
   * One for each user column of the schema, a nested one followed by its leaves, then one for each column of row lineage
   * if the file keeps it; hidden columns have none. Bounds are of scalar columns and of leaves in no list or map, whose
   * `values` and `nulls` count entries.
   */
  readonly columns: readonly ColumnStats[]
}
