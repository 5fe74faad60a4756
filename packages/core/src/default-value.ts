import { ByteWriter } from './byte-writer.ts'
import type { Column, ColumnMode } from './column.ts'
import { toHex } from './hex.ts'
import { loosePlace } from './row-layout.ts'
import type { ColumnDef } from './schema.ts'
import { columnPlan } from './column-plan.ts'
import { appendVariable, readVariable } from './value-area.ts'
import type { ColumnPlan } from './value-codec.ts'

/** Which column a default is of. */
type DefaultColumn = Pick<ColumnDef, 'name' | 'type'>

/** The write default that a declared column brings along, as a part of its `ColumnDef`. */
export function writeDefaultOf(
  table: string,
  name: string,
  column: Column,
): { readonly writeDefault?: string } {
  if (!column.hasDefault) return {}
  return { writeDefault: encodeDefault(table, { name, type: column.type }, column.mode, column.defaultValue) }
}

/** A value as a schema holds defaults. Throws `INVALID` if the column does not take it. */
export function encodeDefault(
  table: string,
  column: DefaultColumn,
  mode: ColumnMode | undefined,
  value: unknown,
): string {
  const plan = planOf(table, column, mode)
  const out = new ByteWriter(Math.max(16, plan.width))
  if (plan.fixed === undefined) {
    appendVariable(out, plan, value)
  } else {
    plan.fixed.put(out.view, out.bytes, 0, value, plan)
    out.length = plan.width
  }
  return toHex(out.written())
}

/** The JavaScript value of a default. */
export function decodeDefault(
  column: DefaultColumn,
  mode: ColumnMode | undefined,
  bytes: Uint8Array,
): unknown {
  const plan = planOf('', column, mode)
  if (plan.fixed !== undefined) return plan.fixed.get(bytes, 0, plan)
  return readVariable(plan, bytes, 0, bytes.length)
}

function planOf(table: string, column: DefaultColumn, mode: ColumnMode | undefined): ColumnPlan {
  return columnPlan(table, loosePlace(column), mode)
}
