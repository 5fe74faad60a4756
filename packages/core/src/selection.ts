import type { ColumnPlan } from './value-codec.ts'

/** Some columns of a table in some order, prepared for reading. Made by `RowCodec.select`. */
export class Selection {
  readonly plans: readonly ColumnPlan[]
  /** Field ids. */
  readonly columnIds: readonly number[]
  readonly names: readonly string[]
  /** True if a column of the key is among them. */
  readonly hasKey: boolean

  constructor(plans: readonly ColumnPlan[]) {
    this.plans = plans
    this.columnIds = plans.map((plan) => plan.id)
    this.names = plans.map((plan) => plan.name)
    this.hasKey = plans.some((plan) => plan.keyIndex >= 0)
  }
}
