import type { GroupTotals, Totals } from './engine.ts'
import type { Row } from './rows.ts'

/** Adds up rows that come as objects. */
export class RowTotals implements Totals {
  rows = 0
  score = 0
  characters = 0

  add(row: Row): void {
    this.rows++
    this.score += row.score
    this.characters += row.user.length + row.payload.length
  }
}

/** The totals of sums by user. */
export function groupTotals(sums: ReadonlyMap<unknown, number>): GroupTotals {
  let total = 0
  let largest = 0
  for (const sum of sums.values()) {
    total += sum
    largest = Math.max(largest, sum)
  }
  return { groups: sums.size, total, largest }
}

/** The same question in SQL, over any source of rows. */
export function groupTotalsSql(source: string): string {
  return `select count(*) as groups, sum(score) as total, max(score) as largest
    from (select user, sum(score) as score from ${source} group by user)`
}

export function groupTotalsOf(row: object): GroupTotals {
  const { groups, total, largest } = row as Record<keyof GroupTotals, number | bigint>
  return { groups: Number(groups), total: Number(total), largest: Number(largest) }
}

export function expectTotals(what: string, found: Totals, expected: Totals): void {
  const same =
    found.rows === expected.rows &&
    found.characters === expected.characters &&
    isNear(found.score, expected.score)
  if (!same) throw new Error(`${what} found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

export function expectGroups(what: string, found: GroupTotals, expected: GroupTotals): void {
  const same =
    found.groups === expected.groups &&
    isNear(found.total, expected.total) &&
    isNear(found.largest, expected.largest)
  if (!same) throw new Error(`${what} found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

/** Sums in another order differ in their last digits. */
function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))
}
