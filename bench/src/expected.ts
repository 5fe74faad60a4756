import type { GroupTotals, Totals } from './engine.ts'
import { KEY_STEP, rowOf, type Row } from './rows.ts'
import { groupTotals, RowTotals } from './totals.ts'

/** What the table must hold: each row from 0 on, in the revision written last. */
export class ExpectedTable {
  readonly rows: number
  readonly revisions: Uint8Array

  constructor(rows: number) {
    this.rows = rows
    this.revisions = new Uint8Array(rows)
  }

  wrote(ids: Iterable<number>, revision: number): void {
    for (const id of ids) this.revisions[id] = revision
  }

  rowOf(id: number): Row {
    return rowOf(id, this.revisions[id])
  }

  /** Throws unless every field of the row is as it was written. */
  check(row: Row | undefined, id: number): void {
    const expected = this.rowOf(id)
    const isSame =
      row !== undefined &&
      Number(row.id) === id * KEY_STEP &&
      row.user === expected.user &&
      row.score === expected.score &&
      row.payload === expected.payload
    if (!isSame) {
      throw new Error(`row ${id} came back as ${describe(row)}, expected ${JSON.stringify(expected)}`)
    }
  }

  totals(): Totals {
    const totals = new RowTotals()
    for (let id = 0; id < this.rows; id++) totals.add(this.rowOf(id))
    return totals
  }

  groups(): GroupTotals {
    const sums = new Map<string, number>()
    for (let id = 0; id < this.rows; id++) {
      const { user, score } = this.rowOf(id)
      sums.set(user, (sums.get(user) ?? 0) + score)
    }
    return groupTotals(sums)
  }
}

function describe(row: Row | undefined): string {
  return row === undefined ? 'undefined' : JSON.stringify({ ...row, id: Number(row.id) })
}
