import type { ColumnType } from './column-type.ts'

export type ScalarMode = 'bigint' | 'number' | 'date'

/** The modes of a nested column. */
export interface NestedMode {
  /** Maps with text keys as plain objects; without it as `Map`. */
  readonly shape?: 'object' | undefined
  /** The modes of its parts: by the names of fields, or `element`, `key`, `value`. */
  readonly parts?: Readonly<Record<string, ColumnMode>> | undefined
}

/**
 * Which JavaScript values a column takes and gives where there is a choice: `long` bigint or number,
 * `timestamp` and `timestamptz` date or bigint, a map `Map` or object. Not persisted: it does not change what is stored.
 */
export type ColumnMode = ScalarMode | NestedMode

/** Modes by column name; columns that are absent have the mode that their type gives. */
export type ColumnModes = Readonly<Record<string, ColumnMode>>

/** A column in the making; `t` makes them. `Value` is the JavaScript type of its values, `Insert` what writes take. */
export interface Column<
  Value = unknown,
  Nullable extends boolean = boolean,
  Defaulted extends boolean = boolean,
  Insert = Value,
> {
  readonly type: ColumnType
  readonly mode: ColumnMode | undefined
  readonly isNullable: Nullable
  readonly hasDefault: Defaulted
  /** What `default` was given; undefined without it. */
  readonly defaultValue: unknown
  /** These carry types for inference and have no value at run time. */
  readonly $value: Value
  readonly $insert: Insert
  /** The same column, which may also hold null. */
  nullable(): Column<Value, true, Defaulted, Insert>
  /**
   * The same column, which rows may leave out: they then hold this value. Added to a table that has rows, it
   * is the value of those too.
   */
  default(value: Insert): Column<Value, Nullable, true, Insert>
}

export type Columns = Readonly<Record<string, Column>>

export type Simplify<T> = { [P in keyof T]: T[P] } & {}
export type ValueOf<C> = C extends { readonly $value: infer V } ? V : never
type InsertValueOf<C> = C extends { readonly $insert: infer V } ? V : never
type OptionalNames<C extends Columns> = {
  [P in keyof C]: C[P] extends { readonly isNullable: true } | { readonly hasDefault: true } ? P : never
}[keyof C]

/** What a column gives where it stands: in a row, a struct or a list. */
export type PartOf<C> = C extends { readonly isNullable: true } ? ValueOf<C> | null : ValueOf<C>
/** What a column takes where it stands. */
export type InsertPartOf<C> = C extends { readonly isNullable: true }
  ? InsertValueOf<C> | null
  : InsertValueOf<C>

export type RowOf<C extends Columns> = { [P in keyof C]: PartOf<C[P]> }

export type InsertOf<C extends Columns> = Simplify<
  { [P in Exclude<keyof C, OptionalNames<C>>]: InsertValueOf<C[P]> } & {
    [P in OptionalNames<C>]?: InsertPartOf<C[P]> | undefined
  }
>
