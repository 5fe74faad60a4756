/** Every value that starts with a text or some bytes; for the last column of a `prefix`. */
export class StartsWith<Value extends string | Uint8Array = string | Uint8Array> {
  readonly start: Value

  constructor(start: Value) {
    this.start = start
  }
}

/** In a `prefix`: every value that starts with this one. */
export function startsWith<Value extends string | Uint8Array>(start: Value): StartsWith<Value> {
  return new StartsWith(start)
}

type Scalar = boolean | number | bigint | string | Date | Uint8Array

/** What a value may start with: any text for a text, any bytes for bytes. */
export type StartOf<Value> = [Value] extends [string]
  ? string
  : [Value] extends [Uint8Array]
    ? Uint8Array
    : never

/**
 * Bounds of a range of keys; all that are given apply. For a key of one column they are values of that
 * column. For a composite key they are objects with all key columns, or with the leading ones only:
 * `gt` is then above, and `lte` up to, every key with that leading part.
 */
export type KeyRange<Key = unknown> = [Key] extends [Scalar]
  ? {
      readonly gt?: Key | undefined
      readonly gte?: Key | undefined
      readonly lt?: Key | undefined
      readonly lte?: Key | undefined
      /** Keys that start with this text or these bytes. */
      readonly prefix?: StartOf<Key> | StartsWith<StartOf<Key>> | undefined
    }
  : {
      readonly gt?: Partial<Key> | undefined
      readonly gte?: Partial<Key> | undefined
      readonly lt?: Partial<Key> | undefined
      readonly lte?: Partial<Key> | undefined
      /** Leading columns that are equal; the last one may be `startsWith(…)`. */
      readonly prefix?: { readonly [P in keyof Key]?: Key[P] | StartsWith<StartOf<Key[P]>> } | undefined
    }

/** Bounds of encoded keys: from `lower` on, and before `upper`. An absent bound does not bind. */
export interface KeyBounds {
  readonly lower?: Uint8Array
  readonly upper?: Uint8Array
}
