import { isNested, typeName, type ColumnType, type NestedPart, type StructField } from './column-type.ts'
import { isDateChange, widenedType, wideningsOf } from './nested-change.ts'
import { withFieldIds } from './nested-type.ts'

/** Where something goes among others of its kind. */
export type ColumnPosition<Name extends string = string> =
  | 'first'
  | 'last'
  | { readonly before: Name }
  | { readonly after: Name }

/** What a change of a struct needs of the schema that it is in. */
export interface StructContext {
  /** The column and the fields that lead to the struct, for messages. */
  readonly path: string
  readonly nextId: () => number
  readonly refuse: (problem: string) => never
}

/** The fields of a struct being changed; steps are those of `SchemaDraft`, for fields. */
export class StructDraft {
  private readonly context: StructContext
  private fields: readonly StructField[]

  constructor(context: StructContext, fields: readonly StructField[]) {
    this.context = context
    this.fields = fields
  }

  field(name: string): StructField {
    const found = this.fields.find((field) => field.name === name)
    if (found !== undefined) return found
    const names = this.fields.map((field) => field.name).join(', ')
    return this.context.refuse(`"${this.context.path}" has no field "${name}"; it has ${names}`)
  }

  /** Adds a field under an id of its own. Values that are there have null for it. */
  add(name: string, type: ColumnType, required: boolean): void {
    const { path, nextId, refuse } = this.context
    this.refuseTaken(name)
    if (required) {
      refuse(`field "${name}" of "${path}" is required, but values that are there lack it; make it nullable`)
    }
    const id = nextId()
    this.fields = [...this.fields, { id, name, type: withFieldIds(type, nextId), required }]
  }

  drop(name: string): void {
    const { id } = this.field(name)
    if (this.fields.length === 1)
      this.context.refuse(`field "${name}" is the last one of "${this.context.path}"`)
    this.fields = this.fields.filter((field) => field.id !== id)
  }

  rename(names: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(names)) this.field(name)
    this.fields = this.fields.map((field) =>
      Object.hasOwn(names, field.name) ? { ...field, name: names[field.name] } : field,
    )
    for (const name of Object.values(names)) {
      if (this.fields.filter((field) => field.name === name).length > 1) this.refuseName(name)
    }
  }

  widen(name: string, type: ColumnType): void {
    const field = this.field(name)
    const wider = widenedType(field.type, type)
    if (wider === undefined || isDateChange(field.type, type)) {
      return this.context.refuse(
        `field "${name}" of "${this.context.path}" cannot go from ${typeName(field.type)} to ${typeName(type)}: ` +
          wideningsOf(field.type),
      )
    }
    this.replace({ ...field, type: wider })
  }

  makeNullable(name: string): void {
    const field = this.field(name)
    if (!field.required) this.context.refuse(`field "${name}" of "${this.context.path}" is nullable already`)
    this.replace({ ...field, required: false })
  }

  move(name: string, position: ColumnPosition): void {
    const field = this.field(name)
    this.fields = moved(this.fields, field, position, (anchor) => this.field(anchor), this.context.refuse)
  }

  /** Changes the struct in a field. */
  within(name: string, change: (struct: StructDraft) => void): void {
    const field = this.field(name)
    const context = { ...this.context, path: `${this.context.path}.${name}` }
    this.replace({ ...field, type: changeStruct(context, field.type, change) })
  }

  finish(): readonly StructField[] {
    return this.fields
  }

  private replace(field: StructField): void {
    this.fields = this.fields.map((other) => (other.id === field.id ? field : other))
  }

  private refuseTaken(name: string): void {
    if (this.fields.some((field) => field.name === name)) this.refuseName(name)
  }

  private refuseName(name: string): never {
    const { path, refuse } = this.context
    return refuse(`two fields of "${path}" would be named "${name}"; rename or drop one of them first`)
  }
}

/** The type with its struct changed: itself, or that of the elements of a list or of the values of a map. */
export function changeStruct(
  context: StructContext,
  type: ColumnType,
  change: (struct: StructDraft) => void,
): ColumnType {
  const inPart = <P extends NestedPart>(name: string, part: P): P => ({
    ...part,
    type: changeStruct({ ...context, path: `${context.path}.${name}` }, part.type, change),
  })
  if (!isNested(type)) {
    return context.refuse(`"${context.path}" is ${typeName(type)}; within changes the fields of a struct`)
  }
  if (type.kind === 'list') return { ...type, element: inPart('element', type.element) }
  if (type.kind === 'map') return { ...type, value: inPart('value', type.value) }
  const draft = new StructDraft(context, type.fields)
  change(draft)
  return { kind: 'struct', fields: draft.finish() }
}

/** The items with one of them at another place. */
export function moved<T extends { readonly id: number; readonly name: string }>(
  items: readonly T[],
  item: T,
  position: ColumnPosition,
  find: (name: string) => T,
  refuse: (problem: string) => never,
): readonly T[] {
  const others = items.filter(({ id }) => id !== item.id)
  if (position === 'first') return [item, ...others]
  if (position === 'last') return [...others, item]
  const anchor = 'before' in position ? position.before : position.after
  if (anchor === item.name) refuse(`"${anchor}" cannot stand beside itself`)
  const at = others.indexOf(find(anchor))
  return others.toSpliced('before' in position ? at : at + 1, 0, item)
}
