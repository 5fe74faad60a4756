/** What decides whether writers of a table are held. */
export interface StallInput {
  readonly sealedMemtables: number
  readonly l0Files: number
}

export interface StallSettings {
  readonly memtablesSealedMax: number
  readonly l0SlowdownFiles: number
  readonly l0StopFiles: number
}

/** `delayMs` zero: go on. */
export type Stall =
  | { readonly kind: 'none' }
  | { readonly kind: 'slowdown'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'stop'; readonly reason: string }

/** A slowed write waits at most this long. */
const DELAY_MS_MAX = 16

const NONE: Stall = { kind: 'none' }

/** Whether writers go on, wait a little or wait until something is done. Pure. */
export function decideStall(input: StallInput, settings: StallSettings): Stall {
  if (input.sealedMemtables >= settings.memtablesSealedMax) {
    return { kind: 'stop', reason: `${input.sealedMemtables} memtables wait for a flush` }
  }
  if (input.l0Files >= settings.l0StopFiles) {
    return { kind: 'stop', reason: `${input.l0Files} files at level 0 wait for a compaction` }
  }
  const above = input.l0Files - settings.l0SlowdownFiles
  if (above < 0) return NONE
  const room = settings.l0StopFiles - settings.l0SlowdownFiles
  const delayMs = Math.max(1, Math.round((DELAY_MS_MAX * (above + 1)) / room))
  return { kind: 'slowdown', delayMs, reason: `${input.l0Files} files at level 0` }
}
