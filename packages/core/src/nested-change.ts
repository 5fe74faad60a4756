import { isNested, typeName, type ColumnType, type NestedPart } from './column-type.ts'
import { nestedParts } from './nested-type.ts'
import { isPromotion, promotionsOf } from './promotion.ts'

/**
 * The type with the wider types of another one of the same form, whose ids do not count: the same parts under the same
 * names, each with a type that it may be widened to. `undefined` if there is none.
 */
export function widenedType(from: ColumnType, to: ColumnType): ColumnType | undefined {
  if (!isNested(from)) {
    return typeName(from) === typeName(to) || isPromotion(from, to) ? to : undefined
  }
  if (from.kind === 'list' && to.kind === 'list') {
    const element = widenedPart(from.element, to.element)
    return element === undefined ? undefined : { kind: 'list', element }
  }
  if (from.kind === 'map' && to.kind === 'map') {
    if (typeName(from.key.type) !== typeName(to.key.type)) return undefined
    const value = widenedPart(from.value, to.value)
    return value === undefined ? undefined : { kind: 'map', key: from.key, value }
  }
  if (from.kind !== 'struct' || to.kind !== 'struct' || from.fields.length !== to.fields.length)
    return undefined
  const fields = from.fields.map((field, i) => {
    const other = to.fields[i]
    return field.name === other.name ? widenedPart(field, other) : undefined
  })
  if (fields.some((field) => field === undefined)) return undefined
  return { kind: 'struct', fields: fields.filter((field) => field !== undefined) }
}

function widenedPart<P extends NestedPart>(from: P, to: NestedPart): P | undefined {
  if (from.required !== to.required || isDateChange(from.type, to.type)) return undefined
  const type = widenedType(from.type, to.type)
  return type === undefined ? undefined : { ...from, type }
}

/** True for what a part cannot do: dates go to timestamps only if every one of them can: files know the bounds of columns, not those of parts. */
export function isDateChange(from: ColumnType, to: ColumnType): boolean {
  return from.kind === 'date' && to.kind !== 'date'
}

/** What a type may be widened to, for messages. */
export function wideningsOf(type: ColumnType): string {
  if (!isNested(type)) {
    return type.kind === 'date'
      ? 'a date widens only as a column of its own'
      : `${typeName(type)} widens to ${promotionsOf(type)}`
  }
  return 'a nested type widens to one with the same parts under the same names, each the same or wider'
}

/**
 * What keeps a type from following another one as that of a column, or `undefined`. Parts are told apart by field id;
 * those above `lastColumnId` are new.
 */
export function typeChangeProblem(
  from: ColumnType,
  to: ColumnType,
  lastColumnId: number,
): string | undefined {
  if (!isNested(from) || !isNested(to) || from.kind !== to.kind) {
    const isSame = typeName(from) === typeName(to)
    return isSame || isPromotion(from, to)
      ? undefined
      : `cannot change from ${typeName(from)} to ${typeName(to)}`
  }
  const known = new Map(nestedParts(from).map(({ part }) => [part.id, part]))
  for (const { name, part } of nestedParts(to)) {
    const old = known.get(part.id)
    const problem =
      old === undefined ? newPartProblem(part, to, lastColumnId) : partProblem(old, part, lastColumnId)
    if (problem !== undefined) return `has a part "${name}" (id ${part.id}) that ${problem}`
  }
  const isKeyChanged =
    from.kind === 'map' && to.kind === 'map' && typeName(from.key.type) !== typeName(to.key.type)
  return isKeyChanged ? 'has keys of another type; the keys of a map do not change' : undefined
}

function newPartProblem(part: NestedPart, of: ColumnType, lastColumnId: number): string | undefined {
  if (of.kind !== 'struct') return 'is another one than before'
  if (part.id <= lastColumnId) return 'was dropped from the table; field ids are never reused'
  return part.required ? 'is required, but values that are there lack it' : undefined
}

function partProblem(old: NestedPart, part: NestedPart, lastColumnId: number): string | undefined {
  if (!old.required && part.required) return 'may hold null and cannot become required'
  if (isDateChange(old.type, part.type)) return 'is a date, which widens only as a column of its own'
  return typeChangeProblem(old.type, part.type, lastColumnId)
}
