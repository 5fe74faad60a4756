import type { SchemaProjection } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import type { DeadPositions, SstReader } from '@meru/sst'

/** An SST of a version, open, with the positions that were dead when the version was made. */
export interface LiveFile {
  readonly file: SstFile
  readonly reader: SstReader
  readonly dead: DeadPositions
  /** How its rows are read if it was written under an earlier schema than that of the version. */
  readonly projection?: SchemaProjection | undefined
}
