import type { StartOf } from './key-range.ts'

/** What a column is compared with; all that are given must hold. A null value satisfies none but `isNull`. */
export interface Operators<Value> {
  readonly eq?: Value | undefined
  readonly ne?: Value | undefined
  readonly gt?: Value | undefined
  readonly gte?: Value | undefined
  readonly lt?: Value | undefined
  readonly lte?: Value | undefined
  /** Equal to one of these; none of them for an empty list. */
  readonly in?: readonly Value[] | undefined
  /** Texts or bytes that start with this. */
  readonly prefix?: StartOf<Value> | undefined
  readonly isNull?: boolean | undefined
}

/** Values that are compared as wholes; the others are nested. */
type Scalar = string | number | bigint | boolean | Date | Uint8Array

/**
 * A condition on one column: a value that it equals, `null` for "is null", or operators. Of nested columns only whether
 * they are null is asked.
 */
export type Condition<Value> = unknown extends Value
  ? Value | Operators<NonNullable<Value>> | undefined
  : [NonNullable<Value>] extends [Scalar]
    ? Value | Operators<NonNullable<Value>> | undefined
    : null | { readonly isNull?: boolean | undefined } | undefined

/**
 * Which rows a scan gives: those for which every condition is true. `and` and `or` take lists, `not` takes one; a column
 * of such a name has no conditions. Nulls follow SQL: a comparison with null is neither true nor false, and neither is
 * its `not`.
 */
export type Where<Row> = { readonly [Name in keyof Row]?: Condition<Row[Name]> } & {
  readonly and?: readonly Where<Row>[] | undefined
  readonly or?: readonly Where<Row>[] | undefined
  readonly not?: Where<Row> | undefined
}
