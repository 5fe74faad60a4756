import { recordOf, recordsOf, textOf, type JsonRecord, type JsonValue } from './json-value.ts'

/** A column of a schema, or something within one. */
export interface SchemaPart {
  readonly id: number
  /** Names from the column down. */
  readonly path: string
  readonly type: JsonValue | undefined
  readonly required: JsonValue | undefined
  /** Names of the fields of a struct, of which none may be there twice. */
  readonly siblings: readonly string[]
}

/** All parts of a schema, at any depth; a part stands before what is within it. */
export function schemaParts(schema: JsonRecord): SchemaPart[] {
  return structParts(schema, '')
}

function structParts(struct: JsonRecord, path: string): SchemaPart[] {
  const fields = recordsOf(struct['fields'])
  const siblings = fields.map((field) => textOf(field['name']))
  return fields.flatMap((field, i) => {
    const { id, type, required } = field
    return withParts({ id: Number(id), path: `${path}${siblings[i]}`, type, required, siblings })
  })
}

function withParts(part: SchemaPart): SchemaPart[] {
  const nested = recordOf(part.type)
  const inner = (name: string, required: JsonValue | undefined): SchemaPart[] =>
    withParts({
      id: Number(nested[`${name}-id`]),
      path: `${part.path}.${name}`,
      type: nested[name],
      required,
      siblings: [],
    })
  switch (nested['type']) {
    case 'struct':
      return [part, ...structParts(nested, `${part.path}.`)]
    case 'list':
      return [part, ...inner('element', nested['element-required'])]
    case 'map':
      return [part, ...inner('key', true), ...inner('value', nested['value-required'])]
    default:
      return [part]
  }
}
