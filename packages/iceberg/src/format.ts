/**
 * The values that Iceberg fixes, and the names under which Meru writes them.
 *
 *   version-hint.text ─► v<N>.metadata.json ─► snap-<id>-<uuid>.avro ─► <uuid>-m<k>.avro ─► ../data/<uuid>.parquet
 *   (digits of N)        (schemas, snapshots)   (one row a manifest)     (one entry a file)  delete-<uuid>.parquet (version 2)
 *                                                                                          deletes-<uuid>.puffin (version 3)
 *
 * Page: docs/format/iceberg-mapping.md. Nothing here may change for tables that exist.
 */

/** The table formats that are written. A table goes from 2 to 3 and never back. */
export type FormatVersion = 2 | 3
export const DEFAULT_FORMAT_VERSION: FormatVersion = 2
export const FORMAT_VERSIONS: readonly FormatVersion[] = [2, 3]

/** Content of a manifest, as its row in the manifest list says it. */
export const MANIFEST_DATA = 0
export const MANIFEST_DELETES = 1
export type ManifestContent = typeof MANIFEST_DATA | typeof MANIFEST_DELETES

/** Content of a file, as its manifest entry says it. */
export const FILE_DATA = 0
export const FILE_POSITION_DELETES = 1

/** Status of a manifest entry. */
export const STATUS_EXISTING = 0
export const STATUS_ADDED = 1
export const STATUS_DELETED = 2

export const FORMAT_PARQUET = 'PARQUET'
export const FORMAT_PUFFIN = 'PUFFIN'

/** Every data file is sorted by the primary key, and of one of two specs: that of no partition, or the declared one. */
export const UNPARTITIONED_SPEC_ID = 0
export const KEY_PARTITION_SPEC_ID = 1
/** Of a table without partitions: one below the first id that a partition field can have. */
export const LAST_PARTITION_ID = 999
export const UNSORTED_ORDER_ID = 0
export const KEY_SORT_ORDER_ID = 1

export const MAIN_BRANCH = 'main'

/** Table properties and summary entries that are Meru's own. */
export const PROPERTY_TABLE_ID = 'meru.table-id'
export const SUMMARY_SEQNO = 'meru.seqno'
export const SUMMARY_LIVE_RECORDS = 'meru.live-records'

/** Entry in the header of an Avro file: CRC-32 of the whole file, its own eight digits taken as zeros. */
export const AVRO_CHECKSUM = 'meru.crc32'

/** Snapshot ids have fewer bits than 53, so that every client that reads JSON numbers as doubles keeps them. */
export const SNAPSHOT_ID_BITS = 52
