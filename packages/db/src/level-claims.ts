import type { SstFile } from '@meru/manifest'
import { spanOf, type CompactionJob, type RunningJob } from '@meru/compaction'

/** Keys of a level that somebody may add files to, and the files that are merged for it. */
export type Claim = RunningJob

/**
 * Where running compactions and loads of a table may add files. They keep out of each other's way, because below
 * level 0 no two files of a level may overlap.
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
    if (inputs.length === 0) return (): void => undefined
    return this.hold({
      inputs: [...ids],
      level: job.outputLevel,
      ...spanOf(inputs),
    })
  }

  /** Claims a place. The returned function ends the claim. */
  hold(claim: Claim): () => void {
    this.held.add(claim)
    return () => void this.held.delete(claim)
  }
}
