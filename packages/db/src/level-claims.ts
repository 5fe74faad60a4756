import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import type { CompactionJob } from '@meru/compaction'

/** Keys of a level that a running compaction may write to. */
export interface Claim {
  readonly level: number
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
}

/**
 * Where the outputs of running compactions of a table may lie. Files that a load adds keep away from there, because
 * below level 0 no two files of a level may overlap.
 */
export class LevelClaims {
  private readonly held: Set<Claim> = new Set()

  get all(): readonly Claim[] {
    return [...this.held]
  }

  /** Claims what a job may write to. The returned function ends the claim. */
  claim(job: CompactionJob, files: readonly SstFile[]): () => void {
    const ids = new Set(job.kind === 'move' ? [job.input] : job.inputs)
    const inputs = files.filter((file) => ids.has(file.id))
    if (inputs.length === 0) return () => undefined
    const claim: Claim = {
      level: job.outputLevel,
      minKey: inputs.map((file) => file.minKey).reduce((a, b) => (compareKeys(a, b) <= 0 ? a : b)),
      maxKey: inputs.map((file) => file.maxKey).reduce((a, b) => (compareKeys(a, b) >= 0 ? a : b)),
    }
    this.held.add(claim)
    return () => void this.held.delete(claim)
  }
}
