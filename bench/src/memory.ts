const SAMPLE_MS = 20
const MIB = 1 << 20

/** How much more memory the process held at most while `work` ran than before it, in MiB; sampled. */
export async function memoryDuring(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const look = (): void => void (most = Math.max(most, process.memoryUsage.rss()))
  const timer = setInterval(look, SAMPLE_MS)
  try {
    await work()
    look()
  } finally {
    clearInterval(timer)
  }
  return (most - before) / MIB
}
