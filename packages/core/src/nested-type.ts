import { isNested, type ColumnType, type NestedPart } from './column-type.ts'
import type { ColumnMode } from './column.ts'

/** Nested types deeper than this are refused: everything that goes through one goes into it as deep. */
const DEPTH_MAX = 32

/** The parts of a nested type under the names that Iceberg gives them; none for other types. */
export function nestedParts(
  type: ColumnType,
): readonly { readonly name: string; readonly part: NestedPart }[] {
  switch (type.kind) {
    case 'struct':
      return type.fields.map((part) => ({ name: part.name, part }))
    case 'list':
      return [{ name: 'element', part: type.element }]
    case 'map':
      return [
        { name: 'key', part: type.key },
        { name: 'value', part: type.value },
      ]
    default:
      return []
  }
}

/** The type with every part replaced, from the outside in. The same object for types without parts. */
export function mapParts(type: ColumnType, change: <P extends NestedPart>(part: P) => P): ColumnType {
  const visit = <P extends NestedPart>(part: P): P => {
    const changed = change(part)
    return { ...changed, type: mapParts(changed.type, change) }
  }
  switch (type.kind) {
    case 'struct':
      return { kind: 'struct', fields: type.fields.map(visit) }
    case 'list':
      return { kind: 'list', element: visit(type.element) }
    case 'map':
      return { kind: 'map', key: visit(type.key), value: visit(type.value) }
    default:
      return type
  }
}

/** The type with a field id of its own for every part. */
export function withFieldIds(type: ColumnType, nextId: () => number): ColumnType {
  return mapParts(type, (part) => ({ ...part, id: nextId() }))
}

/** The field ids of all parts at any depth. */
export function fieldIdsOf(type: ColumnType): number[] {
  return nestedParts(type).flatMap(({ part }) => [part.id, ...fieldIdsOf(part.type)])
}

/** What keeps a type from being one of a column, or `undefined`. `nameProblem` judges the names of fields. */
export function nestedTypeProblem(
  type: ColumnType,
  nameProblem: (name: string) => string | undefined,
  depth = 1,
): string | undefined {
  if (!isNested(type)) return undefined
  if (depth > DEPTH_MAX) return `is nested more than ${DEPTH_MAX} deep`
  if (type.kind === 'struct') {
    if (type.fields.length === 0) return 'has a struct without fields; a struct needs at least one'
    const names = new Set<string>()
    for (const { name } of type.fields) {
      const problem = nameProblem(name)
      if (problem !== undefined) return `has a field whose name ${JSON.stringify(name)} ${problem}`
      if (names.has(name)) return `has two fields named "${name}" in one struct`
      names.add(name)
    }
  }
  if (type.kind === 'map') {
    const { key } = type
    if (!key.required) return 'has a map whose keys may be null; the keys of a map are required'
    if (isNested(key.type) || key.type.kind === 'float' || key.type.kind === 'double') {
      return `has a map whose keys are of type ${key.type.kind}; use a scalar that is neither float nor double`
    }
  }
  for (const { part } of nestedParts(type)) {
    const problem = nestedTypeProblem(part.type, nameProblem, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The modes of the parts of a type, as those of a later type: found by field id, under the names there. */
export function modeUnder(
  from: ColumnType,
  to: ColumnType,
  mode: ColumnMode | undefined,
): ColumnMode | undefined {
  if (mode === undefined || typeof mode === 'string') return mode
  const parts: Record<string, ColumnMode> = {}
  for (const { name, part } of nestedParts(to)) {
    const old = nestedParts(from).find((candidate) => candidate.part.id === part.id)
    if (old === undefined) continue
    const known = modeUnder(old.part.type, part.type, partMode(mode, old.name))
    if (known !== undefined) parts[name] = known
  }
  return { ...mode, parts }
}

/** The mode of a part of a nested column. */
export function partMode(mode: ColumnMode | undefined, name: string): ColumnMode | undefined {
  const parts = typeof mode === 'object' ? mode.parts : undefined
  return parts !== undefined && Object.hasOwn(parts, name) ? parts[name] : undefined
}
