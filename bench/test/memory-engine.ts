import type { Engine } from '../src/engine.ts'
import type { Row } from '../src/rows.ts'
import { groupTotals, RowTotals } from '../src/totals.ts'

/** What a test makes an engine do wrong. */
export type Fault = 'forgets a row' | 'keeps an old row' | 'invents a row' | 'loses a row at close'

/** A map as an engine: right, or wrong in one way. */
export function memoryEngine(fault?: Fault): Engine {
  const rows = new Map<string, Map<number, Row>>()
  let table = new Map<number, Row>()
  const put = (row: Row): Promise<void> => {
    if (fault === 'keeps an old row' && table.has(row.id) && row.id % 10 === 0) return Promise.resolve()
    table.set(row.id, row)
    return Promise.resolve()
  }
  const sorted = (): Row[] => [...table.values()].toSorted((a, b) => a.id - b.id)
  const getSync = (key: number): Row | undefined => {
    if (fault === 'forgets a row' && key % 8 === 0) return undefined
    if (fault === 'invents a row' && key % 2 === 1) return table.get(key - 1)
    return table.get(key)
  }
  return {
    name: 'memory',
    version: '1',
    open: (directory) => {
      table = rows.get(directory) ?? new Map<number, Row>()
      rows.set(directory, table)
      return Promise.resolve()
    },
    close: () => {
      if (fault === 'loses a row at close') table.delete(0)
      return Promise.resolve()
    },
    bulkLoad: async (batches) => {
      for (const batch of batches) for (const row of batch) await put(row)
    },
    putDurable: put,
    putBuffered: put,
    putBatch: async (batch) => {
      for (const row of batch) await put(row)
    },
    getSync,
    getMany: (keys) => Promise.resolve(keys.map(getSync)),
    scanRows: () => {
      const totals = new RowTotals()
      for (const row of table.values()) totals.add(row)
      return Promise.resolve(totals)
    },
    sumByUser: () => {
      const sums = new Map<string, number>()
      for (const { user, score } of table.values()) sums.set(user, (sums.get(user) ?? 0) + score)
      return Promise.resolve(groupTotals(sums))
    },
    range: (from, count) =>
      Promise.resolve(
        sorted()
          .filter((row) => row.id >= from)
          .slice(0, count),
      ),
    settle: () => Promise.resolve(),
  }
}
