import { isNested, physicalOf, type ColumnType, type Physical, type ScalarType } from '@meru/core'

/**
 * A nested column as Parquet stores it: a tree of the parts of its type, whose leaves are column chunks. Levels follow
 * Dremel: the definition level of an entry says how much of the path to it is there, its repetition level which list it
 * continues. Source: Apache Parquet, "Nested Encoding", and "Lists" and "Maps" of its logical types.
 */
interface NodeBase {
  readonly required: boolean
  /** Definition level from which on the part is there and not null. */
  readonly definition: number
  /** The leaves below it are those from `firstLeaf` to `endLeaf`. */
  readonly firstLeaf: number
  readonly endLeaf: number
}

export interface LeafNode extends NodeBase {
  readonly kind: 'leaf'
  readonly physical: Physical
  readonly width: number
}

export interface StructNode extends NodeBase {
  readonly kind: 'struct'
  readonly fields: readonly NestedNode[]
  /** How many of the fields may be null. */
  readonly optional: number
}

/** The elements of a list, or the entries of a map. */
export interface RepeatedNode extends NodeBase {
  readonly kind: 'repeated'
  /** The keys of a map. */
  readonly key: NestedNode | undefined
  readonly element: NestedNode
  /** Repetition level of all elements but the first. */
  readonly repetition: number
}

export type NestedNode = LeafNode | StructNode | RepeatedNode

/** A leaf of a nested column: one column chunk in each row group. */
export interface NestedLeaf {
  /** Field id. */
  readonly id: number
  readonly type: ScalarType
  readonly physical: Physical
  readonly width: number
  /** Names from the column down, as Parquet has them. */
  readonly path: readonly string[]
  readonly maxDefinition: number
  readonly maxRepetition: number
}

export interface NestedTree {
  readonly root: NestedNode
  readonly leaves: readonly NestedLeaf[]
}

/** What leads to a part. */
interface Place {
  readonly id: number
  readonly path: readonly string[]
  readonly required: boolean
  /** Levels of what it is in. */
  readonly definition: number
  readonly repetition: number
}

/** The tree of a column of a nested type. */
export function nestedTree(column: {
  readonly id: number
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
}): NestedTree {
  const { id, name, type, required } = column
  const leaves: NestedLeaf[] = []
  const root = nodeOf(type, { id, path: [name], required, definition: 0, repetition: 0 }, leaves)
  return { root, leaves }
}

function nodeOf(type: ColumnType, place: Place, leaves: NestedLeaf[]): NestedNode {
  const { id, path, required, repetition } = place
  const definition = place.definition + (required ? 0 : 1)
  const firstLeaf = leaves.length
  if (!isNested(type)) {
    const { physical, width } = physicalOf(type)
    leaves.push({ id, type, physical, width, path, maxDefinition: definition, maxRepetition: repetition })
    return { kind: 'leaf', required, definition, firstLeaf, endLeaf: leaves.length, physical, width }
  }
  if (type.kind === 'struct') {
    const fields = type.fields.map((field) =>
      nodeOf(field.type, { ...field, path: [...path, field.name], definition, repetition }, leaves),
    )
    const optional = fields.filter((field) => !field.required).length
    return { kind: 'struct', required, definition, firstLeaf, endLeaf: leaves.length, fields, optional }
  }
  const within = { definition: definition + 1, repetition: repetition + 1 }
  const isMap = type.kind === 'map'
  const key = isMap
    ? nodeOf(type.key.type, { ...type.key, path: [...path, 'key_value', 'key'], ...within }, leaves)
    : undefined
  const part = isMap ? type.value : type.element
  const names = isMap ? ['key_value', 'value'] : ['list', 'element']
  const element = nodeOf(part.type, { ...part, path: [...path, ...names], ...within }, leaves)
  const base = { required, definition, firstLeaf, endLeaf: leaves.length }
  return { kind: 'repeated', ...base, key, element, repetition: within.repetition }
}
