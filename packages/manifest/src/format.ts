/**
 * A manifest file, in little-endian numbers; see docs/format/manifest.md.
 *
 *     byte 0       4         6      7       8            16      24     32         36       40    44
 *          ┌───────┬─────────┬──────┬───────┬────────────┬───────┬──────┬──────────┬────────┬─────┬──────┐
 *          │ magic │ version │ kind │ flags │ manifestId │ epoch │ base │ previous │ length │ crc │ body │
 *          └───────┴─────────┴──────┴───────┴────────────┴───────┴──────┴──────────┴────────┴─────┴──────┘
 *
 * `crc` covers the bytes before it and the body. Magic, version, length and crc keep their places in
 * every version, so that a newer version is told from damage.
 */

/** The bytes "MRUM". Part of the format. */
export const MAGIC = 0x4d55524d

/** Version of the manifest format that this code writes. Part of the format. */
export const FORMAT_VERSION = 1

export const OFFSET_MAGIC = 0
export const OFFSET_VERSION = 4
export const OFFSET_KIND = 6
export const OFFSET_FLAGS = 7
export const OFFSET_MANIFEST_ID = 8
export const OFFSET_EPOCH = 16
export const OFFSET_BASE = 24
export const OFFSET_PREVIOUS = 32
export const OFFSET_LENGTH = 36
export const OFFSET_CRC = 40
export const HEADER_BYTES = 44

/** The body holds a version edit. Part of the format. */
export const KIND_EDIT = 1
/** The body holds a whole state. Part of the format. */
export const KIND_STATE = 2

/** The file was made where there are no hard links. Part of the format. */
export const FLAG_NO_LINKS = 1

/** Longest body that is written or read. */
export const BODY_BYTES_MAX: number = 256 * 1024 * 1024
