import { compareBytes, type BytesVector } from '@meru/core'
import { coalesce, readRanges } from './byte-ranges.ts'
import { newSearchKey } from './key-prefix.ts'
import { locatePlain, plainKeys } from './locate-plain.ts'
import type { PageLoader } from './page-loader.ts'
import { groupOfPage, pageOfRow } from './page-places.ts'
import { keysOf, seekRow, type RowKeys } from './row-keys.ts'
import { planScan } from './row-scan.ts'
import type { SstFile } from './sst-file.ts'

/** Keys of the file that may be among those looked for: pages of typed columns, and which keys they may hold. */
interface Run {
  /** Rows to read. */
  from: number
  to: number
  /** Indexes into the candidates: [first, end). */
  firstCandidate: number
  endCandidate: number
}

/** A run takes at most this many rows; so do runs that are read together. */
const RUN_ROWS_MAX = 64 * 1024
/** At most this many runs are read together. */
const BATCH_RUNS_MAX = 64
/** To read so many bytes too many costs less than another read. */
const GAP_BYTES_MAX = 32 * 1024

/** See `SstReader.locate`. */
export async function locateKeys(
  file: SstFile,
  loader: PageLoader,
  keys: BytesVector,
  hit: (keyIndex: number, position: number) => void,
  isDone: Uint8Array | undefined,
): Promise<void> {
  const candidates = findCandidates(file, keys, isDone)
  const plain = plainKeys(file)
  if (plain !== undefined) return locatePlain(file, plain, keys, candidates, hit)
  for (const batch of batchesOf(planRuns(file, keys, candidates))) {
    const plans = batch.map((run) => planScan(file, loader, run.from, run.to, [], { keys: true }))
    await readRanges(
      file.handle,
      coalesce(
        plans.flatMap(({ ranges }) => ranges),
        GAP_BYTES_MAX,
      ),
      (loaded) => {
        batch.forEach((run, i) => {
          matchRun(run, keysOf(plans[i].decode(loaded)), keys, candidates, hit)
        })
      },
    )
  }
}

/** Runs that are read together, so that their reads wait side by side. */
function* batchesOf(runs: readonly Run[]): Iterable<Run[]> {
  let batch: Run[] = []
  let rows = 0
  for (const run of runs) {
    if (batch.length > 0 && (batch.length === BATCH_RUNS_MAX || rows + run.to - run.from > RUN_ROWS_MAX)) {
      yield batch
      batch = []
      rows = 0
    }
    batch.push(run)
    rows += run.to - run.from
  }
  if (batch.length > 0) yield batch
}

/** Indexes of keys that are looked for, within the range of the file, and pass its filter. */
function findCandidates(
  { keyIndex, filter }: SstFile,
  { bytes, offsets, length }: BytesVector,
  isDone: Uint8Array | undefined,
): Uint32Array {
  const { firstKey, lastKey } = keyIndex
  let index = 0
  let high = length
  while (index < high) {
    const middle = (index + high) >>> 1
    if (compareBytes(bytes, offsets[middle], offsets[middle + 1], firstKey, 0, firstKey.length) < 0)
      index = middle + 1
    else high = middle
  }
  let candidates = new Uint32Array(64)
  let count = 0
  for (; index < length; index++) {
    if (isDone?.[index] === 1) continue
    const start = offsets[index]
    const end = offsets[index + 1]
    if (compareBytes(bytes, start, end, lastKey, 0, lastKey.length) > 0) break
    if (!filter.mayContain(bytes, start, end)) continue
    if (count === candidates.length) candidates = grown(candidates)
    candidates[count++] = index
  }
  return candidates.subarray(0, count)
}

function grown(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(2 * numbers.length)
  longer.set(numbers)
  return longer
}

/** The pages that hold the candidates, adjacent ones as one run within a row group. */
function planRuns(file: SstFile, { bytes, offsets }: BytesVector, candidates: Uint32Array): Run[] {
  const { keyIndex, keyGrid, typedGrid } = file
  const runs: Run[] = []
  let last: Run | undefined
  const sought = newSearchKey()
  sought.bytes = bytes
  candidates.forEach((key, i) => {
    sought.start = offsets[key]
    sought.end = offsets[key + 1]
    keyIndex.aim(sought)
    const page = keyIndex.pageOf(sought)
    const firstPage = pageOfRow(typedGrid, keyGrid.firstRows[page])
    const lastPage = pageOfRow(typedGrid, keyGrid.firstRows[page + 1] - 1)
    const from = typedGrid.firstRows[firstPage]
    const to = typedGrid.firstRows[lastPage + 1]
    const isNear =
      last !== undefined &&
      from <= last.to &&
      to - last.from <= RUN_ROWS_MAX &&
      groupOfPage(typedGrid, lastPage) === groupOfPage(typedGrid, pageOfRow(typedGrid, last.from))
    if (last !== undefined && isNear) {
      last.to = Math.max(last.to, to)
      last.endCandidate = i + 1
    } else {
      last = { from, to, firstCandidate: i, endCandidate: i + 1 }
      runs.push(last)
    }
  })
  return runs
}

/** Merges the keys of a run with its candidates: both ascend, so each search starts where the last one ended. */
function matchRun(
  run: Run,
  found: RowKeys,
  keys: BytesVector,
  candidates: Uint32Array,
  hit: (keyIndex: number, position: number) => void,
): void {
  let low = 0
  for (let i = run.firstCandidate; i < run.endCandidate; i++) {
    const key = candidates[i]
    found.seek(keys.bytes, keys.offsets[key], keys.offsets[key + 1])
    low = seekRow(found, low, run.endCandidate - i)
    if (low < found.length && found.compare(low) === 0) hit(key, run.from + low)
  }
}
