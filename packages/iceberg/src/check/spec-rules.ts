import { numberText, recordsOf, textOf, type JsonRecord } from './json-value.ts'
import type { Report } from './report.ts'

/** A partition field as the metadata has it. */
export interface SpecField {
  readonly source: number
  readonly id: number
  readonly name: string
  readonly transform: string
}

/** The partition specs of a table by id. */
export type Specs = ReadonlyMap<number, readonly SpecField[]>

const FIRST_FIELD_ID = 1000
const TRANSFORM = /^(identity|void|year|month|day|hour|truncate\[\d+\])$/

export function specsOf(metadata: JsonRecord): Specs {
  return new Map(
    recordsOf(metadata['partition-specs']).map((spec) => [
      Number(numberText(spec['spec-id'])),
      recordsOf(spec['fields']).map((field) => ({
        source: Number(numberText(field['source-id'])),
        id: Number(numberText(field['field-id'])),
        name: textOf(field['name']),
        transform: textOf(field['transform']),
      })),
    ]),
  )
}

/** The rules for the specs themselves: ids given out, names unlike those of columns, sources that every schema has. */
export function checkSpecs(root: JsonRecord, file: string, report: Report): void {
  const last = Number(numberText(root['last-partition-id']))
  const schemas = recordsOf(root['schemas']).map((schema) => recordsOf(schema['fields']))
  for (const [id, fields] of specsOf(root)) {
    const fail = (problem: string): void => report.add('partition', file, `spec ${id}: ${problem}`)
    const names = fields.map(({ name }) => name)
    if (new Set(names).size < names.length) fail('two fields have one name')
    for (const field of fields) {
      if (field.id < FIRST_FIELD_ID || field.id > last)
        fail(`field id ${field.id} is outside 1000 to ${last}`)
      if (!TRANSFORM.test(field.transform)) fail(`transform ${field.transform} is not known`)
      for (const columns of schemas) {
        const source = columns.find((column) => column['id'] === field.source)
        if (source === undefined)
          fail(`a schema lacks column ${field.source}, which field ${field.name} is of`)
        const named = columns.find((column) => column['name'] === field.name)
        const isOwn = named === undefined || (named === source && field.transform === 'identity')
        if (!isOwn) fail(`field ${field.name} has the name of a column`)
      }
    }
  }
}
