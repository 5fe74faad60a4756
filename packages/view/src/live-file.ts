import type { SstFile } from '@meru/manifest'
import type { DeadPositions, SstReader } from '@meru/sst'

/** An SST of a version, open, with the positions that were dead when the version was made. */
export interface LiveFile {
  readonly file: SstFile
  readonly reader: SstReader
  readonly dead: DeadPositions
}
