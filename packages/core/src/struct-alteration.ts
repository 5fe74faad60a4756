import type { Column, ColumnMode, InsertOf, NestedMode, RowOf, Simplify, ValueOf } from './column.ts'
import type { ColumnType } from './column-type.ts'
import type { ColumnPosition, StructDraft } from './struct-draft.ts'

type NameIn<Fields> = Extract<keyof Fields, string>
/** A name that nothing has. Where the names are not known, any. */
export type NewName<Fields, Name extends string> = string extends keyof Fields
  ? Name
  : Name extends keyof Fields
    ? never
    : Name
/** Something that is widened: with null where it was null before. */
export type Widened<Before, C> = null extends Before ? ValueOf<C> | null : ValueOf<C>
export type Renamed<T, Names> = {
  [P in keyof T as P extends keyof Names ? (Names[P] extends PropertyKey ? Names[P] : P) : P]: T[P]
}
export type Changed<T, Name, Value> = { [P in keyof T]: P extends Name ? Value : T[P] }
/** The same for what an insert takes, which keeps that it may be left out. */
export type ChangedInsert<T, Name, Value> = {
  [P in keyof T]: P extends Name ? Value | Extract<T[P], undefined> : T[P]
}

/** The fields of the struct that a column holds, or that the elements or values in it hold. */
export type StructIn<V> = unknown extends V
  ? Record<string, unknown>
  : V extends null | undefined
    ? never
    : V extends readonly (infer E)[]
      ? StructIn<E>
      : V extends ReadonlyMap<unknown, infer E>
        ? StructIn<E>
        : string extends keyof V
          ? StructIn<V[keyof V]>
          : V

/** The same with other fields in that struct. */
export type WithStruct<V, S> = V extends null | undefined
  ? V
  : V extends (infer E)[]
    ? WithStruct<E, S>[]
    : V extends readonly (infer E)[]
      ? readonly WithStruct<E, S>[]
      : V extends Map<infer K, infer E>
        ? Map<K, WithStruct<E, S>>
        : V extends ReadonlyMap<infer K, infer E>
          ? ReadonlyMap<K, WithStruct<E, S>>
          : string extends keyof V
            ? Record<string, WithStruct<V[keyof V], S>>
            : S

/** Its shape says what the struct reads and takes after a change. */
export interface AlteredStruct<Row, Insert> {
  readonly $row: Row
  readonly $insert: Insert
}

/** The modes of the fields of a struct, by name. */
export type FieldModes = Map<string, ColumnMode | undefined>

/**
 * Changes of the fields of a struct, one call for each; `Alteration.within` makes it. Fields are told apart by id, as
 * columns are, and every call throws a `TypeError` that says why not.
 */
export class StructAlteration<Row, Insert> implements AlteredStruct<Row, Insert> {
  declare readonly $row: Row
  declare readonly $insert: Insert
  readonly #draft: StructDraft
  readonly #modes: FieldModes

  constructor(draft: StructDraft, modes: FieldModes) {
    this.#draft = draft
    this.#modes = modes
  }

  /** Adds a field at the end, which may be null: values that are there have null for it. */
  add<const Name extends string, C extends Column>(
    name: NewName<Row, Name>,
    column: C,
  ): StructAlteration<Simplify<Row & RowOf<Record<Name, C>>>, Simplify<Insert & InsertOf<Record<Name, C>>>> {
    if (column.hasDefault)
      throw new TypeError(`field "${name}" has a default; only columns have one; make the field nullable`)
    this.#draft.add(name, column.type, !column.isNullable)
    this.#modes.set(name, column.mode)
    return this as never
  }

  /** Takes a field away. */
  drop<Name extends NameIn<Row>>(name: Name): StructAlteration<Omit<Row, Name>, Omit<Insert, Name>> {
    this.#draft.drop(name)
    this.#modes.delete(name)
    return this as never
  }

  /** Renames fields, all at once. */
  rename<const Names extends { readonly [P in NameIn<Row>]?: string }>(
    names: Names,
  ): StructAlteration<Renamed<Row, Names>, Renamed<Insert, Names>> {
    const pairs = names as Readonly<Record<string, string>>
    this.#draft.rename(pairs)
    renameModes(this.#modes, pairs)
    return this as never
  }

  /** Gives a field a wider type, as `Alteration.widen` does; dates stay dates. */
  widen<Name extends NameIn<Row>, C extends Column>(
    name: Name,
    column: C,
  ): StructAlteration<
    Changed<Row, Name, Widened<Row[Name], C>>,
    ChangedInsert<Insert, Name, Widened<Row[Name], C>>
  > {
    this.#draft.widen(name, column.type)
    this.#modes.set(name, column.mode)
    return this as never
  }

  /** Lets a field hold null. */
  makeNullable<Name extends NameIn<Row>>(
    name: Name,
  ): StructAlteration<
    Changed<Row, Name, Row[Name] | null>,
    Simplify<Omit<Insert, Name> & { [P in Name]?: Row[Name] | null | undefined }>
  > {
    this.#draft.makeNullable(name)
    return this as never
  }

  /** Puts a field at another place in the order of fields. */
  move<Name extends NameIn<Row>>(
    name: Name,
    position: ColumnPosition<Exclude<NameIn<Row>, Name>>,
  ): StructAlteration<Row, Insert> {
    this.#draft.move(name, position)
    return this
  }

  /** Changes the struct in a field. */
  within<Name extends NameIn<Row>, R, I>(
    name: Name,
    change: (
      struct: StructAlteration<
        StructIn<Row[Name]>,
        StructIn<Name extends keyof Insert ? Insert[Name] : never>
      >,
    ) => AlteredStruct<R, I>,
  ): StructAlteration<
    Changed<Row, Name, WithStruct<Row[Name], R>>,
    Changed<Insert, Name, WithStruct<Name extends keyof Insert ? Insert[Name] : never, I>>
  > {
    const { type } = this.#draft.field(name)
    this.#draft.within(name, (draft) => {
      this.#modes.set(name, alterStruct(type, this.#modes.get(name), draft, change as never))
    })
    return this as never
  }
}

/** A change of a struct, whatever its fields are. */
type ChangeStruct = (struct: StructAlteration<Record<string, unknown>, Record<string, unknown>>) => unknown

/** Applies a change to the struct in a type. Returns the mode of the type after it. */
export function alterStruct(
  type: ColumnType,
  mode: ColumnMode | undefined,
  draft: StructDraft,
  change: ChangeStruct,
): ColumnMode | undefined {
  const before: NestedMode = typeof mode === 'object' ? mode : {}
  const inner =
    type.kind === 'list'
      ? { name: 'element', part: type.element }
      : type.kind === 'map'
        ? { name: 'value', part: type.value }
        : undefined
  const modes: FieldModes = new Map(Object.entries(before.parts ?? {}))
  if (inner === undefined) {
    const struct = new StructAlteration<Record<string, unknown>, Record<string, unknown>>(draft, modes)
    if (change(struct) !== struct) {
      throw new TypeError(
        'within() takes a function that returns what it was given, with the changes called on it',
      )
    }
  } else {
    modes.set(inner.name, alterStruct(inner.part.type, modes.get(inner.name), draft, change))
  }
  const parts = [...modes].flatMap(([name, known]) => (known === undefined ? [] : [[name, known] as const]))
  return parts.length === 0 && before.shape === undefined
    ? undefined
    : { ...before, parts: Object.fromEntries(parts) }
}

export function renameModes(modes: FieldModes, names: Readonly<Record<string, string>>): void {
  const before = [...modes]
  modes.clear()
  for (const [name, mode] of before) modes.set(Object.hasOwn(names, name) ? names[name] : name, mode)
}
