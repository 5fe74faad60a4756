import { exactMode, type ColumnType } from '@meru/core'
import { cellReader, type ReadCell } from '@meru/formats/parts'

export type Json = boolean | number | string | null | readonly Json[] | { readonly [name: string]: Json }

/** How cells become values of a column in the mode that loses nothing: timestamps as microseconds, a bigint. */
export function exactReader(type: ColumnType): ReadCell {
  return cellReader(type, exactMode(type))
}
