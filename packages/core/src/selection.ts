import { recordShape, type PartReader, type RecordReader, type RecordShape } from './record-shape.ts'
import type { ColumnPlan } from './value-codec.ts'

/** Some columns of a table in some order, prepared for reading. Made by `RowCodec.select`. */
export class Selection {
  readonly plans: readonly ColumnPlan[]
  /** Field ids. */
  readonly columnIds: readonly number[]
  readonly names: readonly string[]
  readonly shape: RecordShape
  /** For each key column its place in the selection, or -1; up to the last one that is selected. */
  readonly keyPlaces: readonly number[]
  /** Reads an encoded row. The caller has checked that the value bytes are as long as the fixed part. */
  readonly read: RecordReader

  constructor(plans: readonly ColumnPlan[], readers: readonly PartReader[]) {
    this.plans = plans
    this.columnIds = plans.map((plan) => plan.id)
    this.names = plans.map((plan) => plan.name)
    this.shape = recordShape(this.names)
    const last = Math.max(-1, ...plans.map((plan) => plan.keyIndex))
    this.keyPlaces = Array.from({ length: last + 1 }, (_, i) =>
      plans.findIndex((plan) => plan.keyIndex === i),
    )
    this.read = this.shape.reader(readers)
  }
}
