import type { ColumnMode } from './column.ts'
import { isNested } from './column-type.ts'
import { nestedCodec } from './nested-codec.ts'
import type { ColumnPlace } from './row-layout.ts'
import { scalarPlan, type ColumnPlan } from './value-codec.ts'

/** Prepares a column for writing and reading. */
export function columnPlan(table: string, place: ColumnPlace, mode: ColumnMode | undefined): ColumnPlan {
  const { name, type } = place
  return scalarPlan(table, place, mode, isNested(type) ? nestedCodec(table, name, type, mode) : undefined)
}
