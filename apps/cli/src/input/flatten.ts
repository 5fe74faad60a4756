import { isJsonObject, jsonKind, jsonText, type Cell, type JsonObject } from '@meru/formats/parts'

/** Column names in the order in which they were first met. */
export class ColumnNames {
  readonly list: string[] = []
  readonly #positions = new Map<string, number>()

  positionOf(name: string): number {
    const known = this.#positions.get(name)
    if (known !== undefined) return known
    this.#positions.set(name, this.list.length)
    return this.list.push(name) - 1
  }
}

/** A record that has no row: the message says why. */
export class UnfitRecord extends Error {
  override readonly name: string = 'UnfitRecord'
}

/**
 * The row of a JSON object. Objects inside it become columns with dotted names, arrays become their JSON
 * text. Throws `UnfitRecord` if two of its members would share a column.
 */
export function flattenObject(value: unknown, columns: ColumnNames): Cell[] {
  if (!isJsonObject(value)) throw new UnfitRecord(`an object was expected, not ${jsonKind(value)}`)
  const row: Cell[] = []
  addMembers({ row, columns, taken: new Set() }, value, '')
  return row
}

/**
 * The row of a GeoJSON feature: `id`; a point as `longitude`, `latitude` and `z`, any other geometry as
 * its JSON text in `geometry`; and its properties under their own names, or with `properties.` in front
 * of a name that is taken.
 */
export function flattenFeature(value: unknown, columns: ColumnNames): Cell[] {
  if (!isJsonObject(value) || value['type'] !== 'Feature') {
    throw new UnfitRecord(`a GeoJSON feature was expected, not ${jsonKind(value)}`)
  }
  const row: Cell[] = []
  const filling: Filling = { row, columns, taken: new Set() }
  if (value['id'] !== undefined) setCell(filling, 'id', value['id'])
  addGeometry(filling, value['geometry'])
  if (isJsonObject(value['properties'])) addMembers(filling, value['properties'], '', FEATURE_COLUMNS)
  const extra = Object.entries(value).filter(([name]) => !FEATURE_MEMBERS.has(name))
  addMembers(filling, Object.fromEntries(extra), 'feature.')
  return row
}

const FEATURE_MEMBERS = new Set(['type', 'id', 'geometry', 'properties'])
const FEATURE_COLUMNS: ReadonlySet<string> = new Set(['id', 'longitude', 'latitude', 'z', 'geometry'])

interface Filling {
  readonly row: Cell[]
  readonly columns: ColumnNames
  readonly taken: Set<number>
}

function addMembers(
  filling: Filling,
  value: JsonObject,
  prefix: string,
  reserved?: ReadonlySet<string>,
): void {
  for (const [member, inner] of Object.entries(value)) {
    const name = reserved?.has(member) === true ? `properties.${member}` : prefix + member
    if (isJsonObject(inner) && Object.keys(inner).length > 0) addMembers(filling, inner, `${name}.`)
    else setCell(filling, name, inner)
  }
}

function addGeometry(filling: Filling, geometry: unknown): void {
  if (geometry === undefined || geometry === null) return
  const coordinates =
    isJsonObject(geometry) && geometry['type'] === 'Point' ? geometry['coordinates'] : undefined
  const isPoint =
    Array.isArray(coordinates) &&
    coordinates.length >= 2 &&
    coordinates.length <= 3 &&
    coordinates.every((part) => typeof part === 'number')
  if (!isPoint) return setCell(filling, 'geometry', geometry)
  setCell(filling, 'longitude', coordinates[0])
  setCell(filling, 'latitude', coordinates[1])
  if (coordinates.length === 3) setCell(filling, 'z', coordinates[2])
}

function setCell({ row, columns, taken }: Filling, name: string, value: unknown): void {
  const position = columns.positionOf(name)
  if (taken.has(position)) throw new UnfitRecord(`it has two values for column "${name}"`)
  taken.add(position)
  while (row.length < position) row.push(null)
  row[position] = cellOf(value)
}

function cellOf(value: unknown): Cell {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value
    default:
      return value === null || value === undefined ? null : jsonText(value)
  }
}
