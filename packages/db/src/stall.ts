/** What decides whether writers of a table are held. */
export interface StallInput {
  readonly sealedMemtables: number
  /** How full the active memtable is, from 0 to 1. */
  readonly activeShare: number
  readonly l0Files: number
  /** Work of compactions that is due; see `pendingBytes` of @meru/compaction. */
  readonly pendingBytes: number
}

export interface StallSettings {
  readonly memtablesSealedMax: number
  readonly l0SlowdownFiles: number
  readonly l0StopFiles: number
  readonly pendingSlowdownBytes: number
  readonly pendingStopBytes: number
}

/** Whether writers go on, wait a little, or wait until something is done. */
export type Stall =
  | { readonly kind: 'none' }
  | { readonly kind: 'slowdown'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'stop'; readonly reason: string }

/** A write that is slowed for the sake of compactions waits at most this long. */
const COMPACTION_DELAY_MS_MAX = 16
/** The same for flushes, which are done sooner: longer waits would leave them without work. */
const FLUSH_DELAY_MS_MAX = 4

const NONE: Stall = { kind: 'none' }

/** Whether writers go on, wait a little or wait until something is done. The wait grows up to the stop. Pure. */
export function decideStall(input: StallInput, settings: StallSettings): Stall {
  const { sealedMemtables, l0Files, pendingBytes } = input
  if (sealedMemtables >= settings.memtablesSealedMax) {
    return { kind: 'stop', reason: `${sealedMemtables} memtables wait for a flush` }
  }
  if (l0Files >= settings.l0StopFiles) {
    return { kind: 'stop', reason: `${l0Files} files at level 0 wait for a compaction` }
  }
  if (pendingBytes >= settings.pendingStopBytes) {
    return { kind: 'stop', reason: `compactions of ${mebibytes(pendingBytes)} are due` }
  }
  const { l0SlowdownFiles, l0StopFiles, pendingSlowdownBytes, pendingStopBytes } = settings
  const forFiles = COMPACTION_DELAY_MS_MAX * share(l0Files + 1, l0SlowdownFiles, l0StopFiles)
  const forBytes = COMPACTION_DELAY_MS_MAX * share(pendingBytes, pendingSlowdownBytes, pendingStopBytes)
  const forFlushes = FLUSH_DELAY_MS_MAX * lastMemtable(input, settings)
  const delayMs = Math.max(forFiles, forBytes, forFlushes)
  // Every write asks: reasons are told only of those that wait.
  if (delayMs <= 0) return NONE
  let reason = `${sealedMemtables} memtables wait for a flush, the next is filling up`
  if (delayMs === forFiles) reason = `${l0Files} files at level 0`
  else if (delayMs === forBytes) reason = `compactions of ${mebibytes(pendingBytes)} are due`
  return { kind: 'slowdown', delayMs: Math.max(1, Math.round(delayMs)), reason }
}

/** How far a value is from one limit, which is 0, to the other, which is 1. Equal limits leave no way between. */
function share(value: number, from: number, to: number): number {
  return to > from ? Math.max(0, (value - from) / (to - from)) : 0
}

/** How far the second half of the memtable is filled whose sealing stops writers, from 0 to 1. */
function lastMemtable({ sealedMemtables, activeShare }: StallInput, settings: StallSettings): number {
  const isLast = sealedMemtables > 0 && sealedMemtables === settings.memtablesSealedMax - 1
  return isLast ? share(activeShare, 0.5, 1) : 0
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
