import { findNull, isLong, listOf, numberText, recordOf, recordsOf, textOf } from './json-value.ts'
import type { JsonRecord, JsonValue } from './json-value.ts'
import { valueText, type Report } from './report.ts'
import { schemaParts } from './schema-parts.ts'
import { checkSpecs } from './spec-rules.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SAFE_URI = /^[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9/_.~=:@+,-]+$/
const OPERATIONS = ['append', 'replace', 'overwrite', 'delete']
const RESERVED_IDS_FROM = 2147483447
const CLOCK_TOLERANCE_MS = 60_000
const NO_IDENTIFIERS = ['float', 'double']
const PRIMITIVES =
  /^(boolean|int|long|float|double|date|time|timestamp|timestamptz|string|uuid|binary|fixed\[\d+\]|decimal\(\d+, ?\d+\))$/

/** Types of format version 3. */
const NANOSECONDS = /^timestamp(tz)?_ns$/

const LONGS = ['last-sequence-number', 'last-updated-ms', 'last-column-id', 'current-schema-id']
const MORE_LONGS = ['default-spec-id', 'last-partition-id', 'default-sort-order-id']
const LISTS = ['schemas', 'partition-specs', 'sort-orders']

/** The rules for a table metadata file by itself. */
export function checkMetadata(metadata: JsonValue, file: string, report: Report): void {
  const root = recordOf(metadata)
  const nullAt = findNull(metadata)
  if (nullAt !== undefined) report.add('metadata', file, `null at ${nullAt}; the member must be left out`)
  const version = Number(root['format-version'])
  report.require(version === 2 || version === 3, 'metadata', file, `format-version is ${version}`)
  report.equal(isLong(root['next-row-id']), version === 3, 'metadata', file, 'whether there is next-row-id')
  for (const name of [...LONGS, ...MORE_LONGS]) {
    report.require(isLong(root[name]), 'metadata', file, `${name} is missing or no integer`)
  }
  for (const name of LISTS) {
    report.require(listOf(root[name]).length > 0, 'metadata', file, `${name} is missing or empty`)
  }
  for (const name of ['schema', 'partition-spec']) {
    report.require(root[name] === undefined, 'metadata', file, `${name} is of format version 1`)
  }
  report.require(UUID.test(textOf(root['table-uuid'])), 'metadata', file, 'table-uuid is no UUID')
  checkUri(textOf(root['location']), 'location', file, report)
  for (const [name, value] of Object.entries(recordOf(root['properties']))) {
    report.require(typeof value === 'string', 'metadata', file, `property ${name} is no text`)
  }
  checkSchemas(root, file, report)
  checkOrders(root, file, report)
  checkSpecs(root, file, report)
  checkSnapshots(root, file, report)
  checkLogs(root, file, report)
}

export function checkUri(uri: string, what: string, file: string, report: Report): void {
  const names = uri.split('://').slice(1).join('').split('/').slice(1)
  const isCanonical =
    SAFE_URI.test(uri) && !names.includes('') && !names.includes('.') && !names.includes('..')
  report.require(isCanonical, 'uri', file, `${what} ${JSON.stringify(uri)} is no canonical URI`)
  report.require(
    !uri.startsWith('file:') || uri.startsWith('file:///'),
    'uri',
    file,
    `${what} ${uri} lacks file:///`,
  )
}

function checkSchemas(root: JsonRecord, file: string, report: Report): void {
  const schemas = recordsOf(root['schemas'])
  const ids = schemas.map((schema) => numberText(schema['schema-id']))
  report.require(new Set(ids).size === ids.length, 'schema', file, `two schemas share an id of ${ids.join()}`)
  report.require(
    ids.includes(numberText(root['current-schema-id'])),
    'schema',
    file,
    'the current schema is not listed',
  )
  const rules = { lastColumnId: Number(root['last-column-id']), version: Number(root['format-version']) }
  for (const schema of schemas) checkSchema(schema, rules, file, report)
}

function checkSchema(
  schema: JsonRecord,
  { lastColumnId, version }: { readonly lastColumnId: number; readonly version: number },
  file: string,
  report: Report,
): void {
  const name = `schema ${numberText(schema['schema-id'])}`
  report.equal(schema['type'], 'struct', 'schema', file, `type of ${name}`)
  const fields = recordsOf(schema['fields'])
  const parts = schemaParts(schema)
  const ids = parts.map((part) => part.id)
  report.require(new Set(ids).size === ids.length, 'schema', file, `${name} uses a field id twice`)
  const isTwice = [{ siblings: fields.map((field) => textOf(field['name'])) }, ...parts].some(
    ({ siblings }) => new Set(siblings).size < siblings.length,
  )
  report.require(!isTwice, 'schema', file, `${name} uses a column name twice`)
  for (const { id, path, type, required } of parts) {
    const column = `${name}, column ${path}`
    report.require(
      id > 0 && id <= lastColumnId,
      'schema',
      file,
      `${column}: id ${id} is above last-column-id`,
    )
    report.require(id < RESERVED_IDS_FROM, 'schema', file, `${column}: id ${id} is reserved`)
    report.require(typeof required === 'boolean', 'schema', file, `${column}: required is missing`)
    const kind = textOf(type)
    const isNested = ['struct', 'list', 'map'].includes(textOf(recordOf(type)['type']))
    report.require(
      isNested || PRIMITIVES.test(kind) || (version === 3 && NANOSECONDS.test(kind)),
      'schema',
      file,
      `${column}: type ${JSON.stringify(type)}`,
    )
  }
  for (const id of listOf(schema['identifier-field-ids'])) {
    const field = fields.find((candidate) => candidate['id'] === id)
    const isIdentifier = field?.['required'] === true && !NO_IDENTIFIERS.includes(textOf(field['type']))
    report.require(isIdentifier, 'schema', file, `${name}: column ${valueText(id)} cannot identify rows`)
  }
}

function checkOrders(root: JsonRecord, file: string, report: Report): void {
  const specs = recordsOf(root['partition-specs']).map((spec) => numberText(spec['spec-id']))
  report.require(
    specs.includes(numberText(root['default-spec-id'])),
    'metadata',
    file,
    'the default spec is not listed',
  )
  const orders = recordsOf(root['sort-orders'])
  const ids = orders.map((order) => numberText(order['order-id']))
  const isListed = ids.includes(numberText(root['default-sort-order-id']))
  report.require(isListed, 'metadata', file, 'the default sort order is not listed')
  const columns = recordsOf(root['schemas']).flatMap((schema) =>
    recordsOf(schema['fields']).map(({ id }) => id),
  )
  for (const order of orders) {
    const fields = recordsOf(order['fields'])
    const isUnsorted = Number(order['order-id']) === 0
    report.equal(
      fields.length === 0,
      isUnsorted,
      'metadata',
      file,
      `emptiness of sort order ${valueText(order['order-id'])}`,
    )
    for (const field of fields) {
      report.require(
        columns.includes(field['source-id']),
        'metadata',
        file,
        'a sort order names an unknown column',
      )
    }
  }
}

function checkSnapshots(root: JsonRecord, file: string, report: Report): void {
  const snapshots = recordsOf(root['snapshots'])
  const byId = new Map(snapshots.map((snapshot) => [numberText(snapshot['snapshot-id']), snapshot]))
  report.require(byId.size === snapshots.length, 'snapshot', file, 'two snapshots share an id')
  const schemaIds = recordsOf(root['schemas']).map((schema) => numberText(schema['schema-id']))
  for (const [id, snapshot] of byId) {
    const fail = (problem: string): void => report.add('snapshot', file, `snapshot ${id}: ${problem}`)
    const sequence = Number(snapshot['sequence-number'])
    if (!(Number(id) > 0)) fail('the id is not positive')
    if (!(Number(id) < 2 ** 53)) fail('the id is beyond the integers that JSON clients keep')
    if (!(sequence > 0 && sequence <= Number(root['last-sequence-number'])))
      fail(`sequence number ${sequence}`)
    if (!isLong(snapshot['timestamp-ms'])) fail('timestamp-ms is missing')
    checkRowLineage(root, snapshot, fail)
    if (!schemaIds.includes(numberText(snapshot['schema-id']))) fail('schema-id is missing or not listed')
    checkUri(textOf(snapshot['manifest-list']), `manifest list of snapshot ${id}`, file, report)
    const parent = byId.get(numberText(snapshot['parent-snapshot-id']))
    if (parent) {
      if (!(sequence > Number(parent['sequence-number'])))
        fail('its sequence number does not exceed its parent’s')
      const isLater = Number(snapshot['timestamp-ms']) > Number(parent['timestamp-ms'])
      if (!isLater) fail('it is not later than its parent')
    }
    const [first, ...others] = Object.entries(recordOf(snapshot['summary']))
    const isOperation = first?.[0] === 'operation' && OPERATIONS.includes(textOf(first[1]))
    if (!isOperation) fail('the summary does not start with a known operation')
    if (!others.every(([, value]) => typeof value === 'string')) fail('a value of the summary is no text')
  }
  const refs = recordOf(root['refs'])
  for (const [name, ref] of Object.entries(refs)) {
    const id = numberText(recordOf(ref)['snapshot-id'])
    report.require(byId.has(id), 'snapshot', file, `ref ${name} names snapshot ${id}, which is not listed`)
  }
  const current = numberText(root['current-snapshot-id'])
  const main = numberText(recordOf(refs['main'])['snapshot-id'])
  report.equal(main, current, 'snapshot', file, 'the snapshot of refs.main')
  report.require(
    current !== '' || snapshots.length === 0,
    'snapshot',
    file,
    'there are snapshots, none current',
  )
}

/** Of a snapshot that version 3 made: it hands row ids out from where the table was. */
function checkRowLineage(root: JsonRecord, snapshot: JsonRecord, fail: (problem: string) => void): void {
  const first = snapshot['first-row-id']
  const added = snapshot['added-rows']
  if (first === undefined && added === undefined) return
  if (root['format-version'] !== 3) fail('row ids in a table of version 2')
  if (!isLong(first) || !isLong(added)) fail('first-row-id and added-rows belong together')
  else if (Number(first) + Number(added) > Number(root['next-row-id'])) fail('row ids beyond next-row-id')
}

function checkLogs(root: JsonRecord, file: string, report: Report): void {
  const ids = new Set(recordsOf(root['snapshots']).map((snapshot) => numberText(snapshot['snapshot-id'])))
  const updated = Number(root['last-updated-ms'])
  for (const name of ['snapshot-log', 'metadata-log']) {
    let before = 0
    for (const entry of recordsOf(root[name])) {
      const time = Number(entry['timestamp-ms'])
      report.require(time >= before, 'log', file, `${name} is not sorted by time`)
      report.require(
        time <= updated + CLOCK_TOLERANCE_MS,
        'log',
        file,
        `${name} has an entry after last-updated-ms`,
      )
      before = time
    }
  }
  const log = recordsOf(root['snapshot-log']).map((entry) => numberText(entry['snapshot-id']))
  report.equal(
    log.at(-1) ?? '',
    numberText(root['current-snapshot-id']),
    'log',
    file,
    'the last of snapshot-log',
  )
  for (const id of log)
    report.require(ids.has(id), 'log', file, `snapshot-log names snapshot ${id}, which is not listed`)
  for (const entry of recordsOf(root['metadata-log'])) {
    checkUri(textOf(entry['metadata-file']), 'metadata-log entry', file, report)
  }
}
