import type { Column, ColumnModes, InsertOf, RowOf, Simplify } from './column.ts'
import { encodeDefault, writeDefaultOf } from './default-value.ts'
import { SchemaDraft } from './schema-change.ts'
import type { TableSchema } from './schema.ts'
import {
  alterStruct,
  renameModes,
  type AlteredStruct,
  type Changed,
  type ChangedInsert,
  type NewName,
  type Renamed,
  type StructAlteration,
  type StructIn,
  type Widened,
  type WithStruct,
} from './struct-alteration.ts'
import type { ColumnPosition } from './struct-draft.ts'

type NameIn<Row> = Extract<keyof Row, string>
/** A key of several columns is an object with their names; one of one column is the value itself. */
type RenamedKey<Key, Names> = Key extends string | number | bigint | boolean | Date | Uint8Array
  ? Key
  : unknown extends Key
    ? Key
    : Renamed<Key, Names>

/** Its shape says what a handle on the changed table reads and takes. */
export interface Altered<Row, Insert, Key> {
  /** These carry types for inference and have no value at run time. */
  readonly $row: Row
  readonly $insert: Insert
  readonly $key: Key
}

/**
 * Changes of a table's columns, one call for each; `Table.alter` makes it and applies all of them at once.
 * Every call checks at once and throws a `TypeError` that says why not, and what to do instead. Columns
 * are told apart by id: one that is added never has values of one that was dropped, whatever its name.
 */
export class Alteration<Row, Insert, Key> implements Altered<Row, Insert, Key> {
  declare readonly $row: Row
  declare readonly $insert: Insert
  declare readonly $key: Key
  readonly #draft: SchemaDraft
  readonly #modes: Map<string, Column['mode']>

  constructor(table: string, schema: TableSchema, modes: ColumnModes) {
    this.#draft = new SchemaDraft(table, schema)
    this.#modes = new Map(Object.entries(modes))
  }

  /** Adds a column at the end: nullable, or with a default, which rows that are there then have. */
  add<const Name extends string, C extends Column>(
    name: NewName<Row, Name>,
    column: C,
  ): Alteration<Simplify<Row & RowOf<Record<Name, C>>>, Simplify<Insert & InsertOf<Record<Name, C>>>, Key> {
    const { type, mode, isNullable } = column
    const fallback = writeDefaultOf(this.#draft.table, name, column)
    this.#draft.add({ name, type, required: !isNullable, ...fallback })
    this.#modes.set(name, mode)
    return this as never
  }

  /** Takes a column away. Its values are no longer read, and go from the disk as files are merged. */
  drop<Name extends NameIn<Row>>(name: Name): Alteration<Omit<Row, Name>, Omit<Insert, Name>, Key> {
    this.#draft.drop(name)
    this.#modes.delete(name)
    return this as never
  }

  /** Renames columns, all at once: `{ a: 'b', b: 'a' }` swaps two. */
  rename<const Names extends { readonly [P in NameIn<Row>]?: string }>(
    names: Names,
  ): Alteration<Renamed<Row, Names>, Renamed<Insert, Names>, RenamedKey<Key, Names>> {
    const pairs = names as Readonly<Record<string, string>>
    this.#draft.rename(pairs)
    renameModes(this.#modes, pairs)
    return this as never
  }

  /**
   * Gives a column a wider type: int → long, float → double, decimal → one of more digits, date → timestamp
   * or timestamp_ns. A nested column takes one of the same form whose parts are as wide or wider. Only type and mode
   * of `column` count.
   */
  widen<Name extends NameIn<Row>, C extends Column>(
    name: Name,
    column: C,
  ): Alteration<
    Changed<Row, Name, Widened<Row[Name], C>>,
    ChangedInsert<Insert, Name, Widened<Row[Name], C>>,
    Key
  > {
    this.#draft.widen(name, column.type)
    this.#modes.set(name, column.mode)
    return this as never
  }

  /**
   * Changes the fields of a struct: of the column itself, of the elements of a list or of the values of a map, at any
   * depth of those.
   */
  within<Name extends NameIn<Row>, R, I>(
    name: Name,
    change: (
      struct: StructAlteration<
        StructIn<Row[Name]>,
        StructIn<Name extends keyof Insert ? Insert[Name] : never>
      >,
    ) => AlteredStruct<R, I>,
  ): Alteration<
    Changed<Row, Name, WithStruct<Row[Name], R>>,
    Changed<Insert, Name, WithStruct<Name extends keyof Insert ? Insert[Name] : never, I>>,
    Key
  > {
    const { type } = this.#draft.column(name)
    this.#draft.within(name, (draft) => {
      this.#modes.set(name, alterStruct(type, this.#modes.get(name), draft, change as never))
    })
    return this as never
  }

  /** Lets a column hold null. */
  makeNullable<Name extends NameIn<Row>>(
    name: Name,
  ): Alteration<
    Changed<Row, Name, Row[Name] | null>,
    Simplify<Omit<Insert, Name> & { [P in Name]?: Row[Name] | null | undefined }>,
    Key
  > {
    this.#draft.makeNullable(name)
    return this as never
  }

  /** Puts a column at another place in the order of columns. */
  move<Name extends NameIn<Row>>(
    name: Name,
    position: ColumnPosition<Exclude<NameIn<Row>, Name>>,
  ): Alteration<Row, Insert, Key> {
    this.#draft.move(name, position)
    return this
  }

  /** What rows hold from now on that say nothing of the column. Rows that are there stay as they are. */
  setDefault<Name extends NameIn<Row>>(
    name: Name,
    value: NonNullable<Row[Name]>,
  ): Alteration<Row, Simplify<Omit<Insert, Name> & { [P in Name]?: Row[Name] | undefined }>, Key> {
    const column = this.#draft.column(name)
    const hex = encodeDefault(this.#draft.table, column, this.#modes.get(name), value)
    this.#draft.setWriteDefault(name, hex)
    return this as never
  }

  /** From now on every row must say what a required column holds; a nullable one that is left out is null. */
  dropDefault<Name extends NameIn<Row>>(
    name: Name,
  ): Alteration<
    Row,
    null extends Row[Name] ? Insert : Simplify<Omit<Insert, Name> & { [P in Name]: Row[Name] }>,
    Key
  > {
    this.#draft.setWriteDefault(name, undefined)
    return this as never
  }

  /** The schema after all changes, and the modes of its columns. The schema given if nothing changed. */
  finish(): { readonly schema: TableSchema; readonly modes: ColumnModes } {
    const modes: Record<string, NonNullable<Column['mode']>> = {}
    for (const [name, mode] of this.#modes) if (mode !== undefined) modes[name] = mode
    return { schema: this.#draft.finish(), modes }
  }
}
