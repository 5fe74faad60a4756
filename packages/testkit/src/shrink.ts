/**
 * Finds a shorter script that still fails, by leaving out ever smaller pieces (delta debugging). Gives up
 * looking for a still shorter one after `triesMax` runs.
 */
export async function shrink<T>(
  script: readonly T[],
  fails: (candidate: readonly T[]) => Promise<boolean>,
  triesMax = 500,
): Promise<readonly T[]> {
  let shortest = script
  let tries = 0
  for (let size = Math.ceil(script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let isShorter = true
    while (isShorter) {
      isShorter = false
      for (let start = 0; start < shortest.length && tries < triesMax;) {
        const candidate = [...shortest.slice(0, start), ...shortest.slice(start + size)]
        tries++
        if (await fails(candidate)) {
          shortest = candidate
          isShorter = true
        } else {
          start += size
        }
      }
    }
  }
  return shortest
}
