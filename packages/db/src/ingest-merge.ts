import { compareKeys, type SstMeta } from '@meru/core'
import { meet, type JobControl, type JobRunner, type MergeTask, type TaskFile } from '@meru/compaction'
import { DeadPositions, type SstReader } from '@meru/sst'
import type { Run } from './ingest-runs.ts'

/** Runs merged at a time: what a merge reads ahead of each bounds its memory. */
const FAN_IN = 32

export interface RunMerge {
  readonly runner: JobRunner
  readonly task: Omit<MergeTask, 'inputs' | 'sharedKeys'>
  readonly control: JobControl
  readonly open: (file: SstMeta) => Promise<SstReader>
  /** Removes a file that was merged into others. */
  readonly remove: (file: SstMeta) => Promise<void>
  /** Told of every file as it is made, so that a failure can take it back. */
  readonly onFiles: (files: readonly SstMeta[]) => void
}

/** A file with the number of its run: of two rows with one key that of the later run stays. */
interface Numbered {
  readonly file: SstMeta
  readonly run: number
  readonly isFinal: boolean
}

/** Makes one sorted sequence of files out of runs, in key order. Files that overlap no other stay as they are. */
export async function mergeRuns(runs: readonly Run[], merge: RunMerge): Promise<SstMeta[]> {
  const numbered = runs.flatMap(({ files, isFinal }, run) => files.map((file) => ({ file, run, isFinal })))
  const merged: SstMeta[] = []
  for (const cluster of clustersOf(numbered)) {
    if (cluster.length === 1 && cluster[0].isFinal) merged.push(cluster[0].file)
    else merged.push(...(await mergeCluster(cluster, merge)))
  }
  return merged
}

/** Files in key order, those together that are connected by overlaps. */
function clustersOf(files: readonly Numbered[]): Numbered[][] {
  const clusters: Numbered[][] = []
  let reach: SstMeta | undefined
  for (const each of files.toSorted((a, b) => compareKeys(a.file.minKey, b.file.minKey))) {
    const cluster = clusters.at(-1)
    if (cluster === undefined || reach === undefined || !meet(reach, each.file)) {
      clusters.push([each])
      reach = each.file
      continue
    }
    cluster.push(each)
    if (compareKeys(each.file.maxKey, reach.maxKey) > 0) reach = { ...reach, maxKey: each.file.maxKey }
  }
  return clusters
}

/** Merges neighbours in the order of the input until one sequence is left, so that later rows win over earlier ones. */
async function mergeCluster(cluster: readonly Numbered[], merge: RunMerge): Promise<SstMeta[]> {
  let groups = byRun(cluster)
  do {
    const next: SstMeta[][] = []
    for (let from = 0; from < groups.length; from += FAN_IN) {
      next.push(await mergeGroups(groups.slice(from, from + FAN_IN), merge))
    }
    groups = next
  } while (groups.length > 1)
  return groups[0]
}

/** The files of each run, in key order; runs in the order of the input. */
function byRun(cluster: readonly Numbered[]): SstMeta[][] {
  const groups = new Map<number, SstMeta[]>()
  for (const { run, file } of cluster) groups.set(run, [...(groups.get(run) ?? []), file])
  return [...groups].toSorted(([a], [b]) => a - b).map(([, files]) => files)
}

async function mergeGroups(groups: readonly SstMeta[][], merge: RunMerge): Promise<SstMeta[]> {
  const inputs: TaskFile[] = []
  const { schema } = merge.task
  let outputs: SstMeta[]
  try {
    for (const [age, files] of groups.toReversed().entries()) {
      // Inputs of one level follow each other in key order; of several, the one named first wins.
      for (const file of files) {
        const reader = await merge.open(file)
        inputs.push({ file: { ...file, level: age + 1 }, schema, reader, dead: DeadPositions.empty })
      }
    }
    outputs = await merge.runner.merge({ ...merge.task, inputs, sharedKeys: 'first' }, merge.control)
    merge.onFiles(outputs)
  } finally {
    for (const { reader } of inputs) await reader.close()
  }
  for (const file of groups.flat()) await merge.remove(file)
  return outputs
}
