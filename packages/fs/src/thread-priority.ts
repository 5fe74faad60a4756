import { getPriority, setPriority } from 'node:os'

/** Added to the nice value: of a core that both want, a thread without it gets nine parts of ten (sched(7)). */
const NICER = 10
const NICE_MAX = 19

/**
 * Lets the other threads of the process go before the calling one, for as long as it lives. Only on Linux, where a nice
 * value is that of a thread; elsewhere the same call means the process, and nothing is done.
 */
export function yieldToOthers(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Math.min(NICE_MAX, getPriority() + NICER))
  } catch {
    // A sandbox may refuse the call. The work is the same without it.
  }
}
