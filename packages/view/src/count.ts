import type { ReadView } from './read-view.ts'
import { scanView, type ScanRequest } from './scan.ts'

/**
 * Visible rows of a key range. Without bounds and with empty memtables it is arithmetic over the version;
 * files that nothing overlaps are counted without being read.
 */
export async function countView(
  view: ReadView,
  request: Omit<ScanRequest, 'columnIds' | 'reverse'>,
): Promise<number> {
  const { lower, upper, limit, filter } = request
  const whole = lower === undefined && upper === undefined && limit === undefined && filter === undefined
  if (whole && view.memtables.every((memtable) => memtable.entries === 0)) return view.version.liveRows
  let rows = 0
  for await (const batch of scanView(view, { ...request, columnIds: [] })) rows += batch.length
  return rows
}
