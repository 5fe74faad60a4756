import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RestCatalogOptions } from '../src/index.ts'
import { formatJson, isObject, parseJson, type Json, type JsonObject } from '../src/json.ts'

/** What goes wrong with a request: a status is answered, or nothing; with `effect` it takes effect all the same. */
export interface RestFault {
  readonly effect: boolean
  readonly answer: 'lose' | number
}

interface Request {
  /** From 1 up. */
  readonly number: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: JsonObject
}

type Mutable = Record<string, Json | undefined>

interface Stored {
  metadata: Mutable
  commits: number
  location: string
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const TOKEN = 'secret'
const PREFIX = 'ware/house'

/** A catalog in memory with Iceberg's REST protocol, as far as the export uses it. It believes no metadata, only updates. */
export class RestTestServer {
  readonly tables: Map<string, Stored> = new Map()
  readonly namespaces: Set<string> = new Set(['shop'])
  fault: (request: Request) => RestFault | undefined = () => undefined
  /** Called with each commit before it is looked at. */
  beforeCommit: () => void = () => undefined
  requests = 0
  /** Where the server wants tables, whatever the client says. */
  forcedLocation: string | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((message, response) => void this.#serve(message, response))
  }

  static async start(): Promise<RestTestServer> {
    const server = new RestTestServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  options(more: Partial<RestCatalogOptions> = {}): RestCatalogOptions {
    const { port } = this.#server.address() as AddressInfo
    return { uri: `http://127.0.0.1:${port}/`, namespace: 'shop', token: TOKEN, warehouse: 'a&b', ...more }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  metadata(table: string): JsonObject {
    const stored = this.tables.get(table)
    if (stored === undefined) throw new Error(`no table ${table}`)
    return stored.metadata
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const body = text === '' ? {} : parseJson(text)
    const { method = '', url: path = '', headers } = message
    const request = { number: ++this.requests, method, path, headers, body: isObject(body) ? body : {} }
    const fault = this.fault(request)
    let [status, answer]: [number, Json] = [500, {}]
    if (fault?.effect !== false) {
      try {
        ;[status, answer] = [200, this.#answer(request)]
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        ;[status, answer] = [
          error.status,
          { error: { type: 'Refused', message: error.message, code: error.status } },
        ]
      }
    }
    if (fault?.answer === 'lose') return void message.socket.destroy()
    if (typeof fault?.answer === 'number') [status, answer] = [fault.answer, {}]
    response.writeHead(status, { 'content-type': 'application/json' }).end(formatJson(answer))
  }

  #answer({ method, path, headers, body }: Request): Json {
    const { pathname, searchParams } = new URL(path, 'http://x')
    if (headers.authorization !== `Bearer ${TOKEN}`) throw new Refusal(401, 'no such token')
    if (pathname === '/v1/config') {
      if (searchParams.get('warehouse') !== 'a&b') throw new Refusal(400, 'no such warehouse')
      return { defaults: { 'header.x-told': 'yes' }, overrides: { prefix: PREFIX } }
    }
    if (headers['x-told'] !== 'yes') throw new Refusal(400, 'header x-told is missing')
    const [, namespace, rest = ''] =
      new RegExp(`^/v1/${PREFIX}/namespaces/([^/]+)/(.*)$`).exec(pathname) ?? []
    if (namespace === undefined) throw new Refusal(404, `no route ${pathname}`)
    if (!this.namespaces.has(decodeURIComponent(namespace)))
      throw new Refusal(404, `no namespace ${namespace}`)
    if (rest === 'register') return this.#register(body)
    if (rest === 'tables') return this.#stage(body)
    const name = decodeURIComponent(rest.slice('tables/'.length))
    return method === 'GET' ? this.#load(name) : this.#commit(name, body)
  }

  #load(name: string): Json {
    const stored = this.tables.get(name)
    if (stored === undefined) throw new Refusal(404, `no table ${name}`)
    return { 'metadata-location': stored.location, metadata: stored.metadata, config: {} }
  }

  #register(body: JsonObject): Json {
    const name = textOf(body['name'])
    if (this.tables.has(name)) throw new Refusal(409, `${name} exists`)
    const location = textOf(body['metadata-location'])
    this.tables.set(name, { metadata: { 'table-uuid': 'u', ...minimal(location) }, commits: 0, location })
    return this.#load(name)
  }

  #stage(body: JsonObject): Json {
    if (this.tables.has(textOf(body['name']))) throw new Refusal(409, 'the table exists')
    if (body['stage-create'] !== true) throw new Refusal(400, 'only staged')
    const location = this.forcedLocation ?? body['location']
    return { metadata: { 'table-uuid': 'staged-uuid', location } }
  }

  #commit(name: string, body: JsonObject): Json {
    this.beforeCommit()
    const stored = this.tables.get(name)
    const requirements = (body['requirements'] ?? []) as JsonObject[]
    const isCreation = requirements.some((each) => each['type'] === 'assert-create')
    if (stored === undefined && !isCreation) throw new Refusal(404, `no table ${name}`)
    for (const requirement of requirements) check(requirement, stored?.metadata)
    const metadata = structuredClone<Mutable>(stored?.metadata ?? EMPTY)
    for (const update of (body['updates'] ?? []) as JsonObject[]) apply(metadata, update)
    const commits = (stored?.commits ?? -1) + 1
    const file = `${textOf(metadata['location'])}/metadata/${String(commits).padStart(5, '0')}-x.metadata.json`
    const log = (metadata['metadata-log'] ?? []) as Json[]
    if (stored !== undefined) {
      metadata['metadata-log'] = [...log, { 'metadata-file': stored.location, 'timestamp-ms': 1 }]
    }
    this.tables.set(name, { metadata, commits, location: file })
    return this.#load(name)
  }
}

const EMPTY: JsonObject = {
  'last-sequence-number': 0,
  'last-updated-ms': 0,
  'last-column-id': 0,
  'last-partition-id': 999,
  schemas: [],
  'partition-specs': [],
  'sort-orders': [],
  snapshots: [],
  'snapshot-log': [],
  refs: {},
  properties: {},
}

function minimal(file: string): JsonObject {
  const location = file.slice(0, file.indexOf('/metadata/'))
  return { ...EMPTY, 'format-version': 2, location, 'current-schema-id': 0 }
}

function check(requirement: JsonObject, metadata: Mutable | undefined): void {
  const refs = (metadata?.['refs'] ?? {}) as Record<string, JsonObject | undefined>
  const facts: Record<string, [actual: Json | undefined, expected: Json | undefined]> = {
    'assert-create': [metadata === undefined, true],
    'assert-table-uuid': [metadata?.['table-uuid'], requirement['uuid']],
    'assert-ref-snapshot-id': [
      refs[requirement['ref'] === undefined ? '' : textOf(requirement['ref'])]?.['snapshot-id'] ?? null,
      requirement['snapshot-id'],
    ],
    'assert-current-schema-id': [metadata?.['current-schema-id'], requirement['current-schema-id']],
    'assert-last-assigned-field-id': [metadata?.['last-column-id'], requirement['last-assigned-field-id']],
  }
  const fact = facts[textOf(requirement['type'])]
  if (fact === undefined) throw new Refusal(400, `requirement ${textOf(requirement['type'])}`)
  if (fact[0] !== fact[1])
    throw new Refusal(409, `${textOf(requirement['type'])}: ${formatJson(fact[0] ?? null)}`)
}

/** Does what the specification says of an update, and nothing for those that make no difference here. */
function apply(metadata: Mutable, update: JsonObject): void {
  const push = (name: string, value: Json | undefined): void => {
    metadata[name] = [...(metadata[name] as Json[]), value ?? null]
  }
  const refs = metadata['refs'] as Record<string, Json>
  const actions: Record<string, () => void> = {
    'assign-uuid': () => (metadata['table-uuid'] = update['uuid']),
    'upgrade-format-version': () => {
      metadata['format-version'] = update['format-version']
      if (update['format-version'] === 3) metadata['next-row-id'] ??= 0
    },
    'add-schema': () => {
      const schema = update['schema'] as JsonObject
      const id = (metadata['schemas'] as Json[]).length
      push('schemas', Object.fromEntries(Object.entries({ ...schema, 'schema-id': id }).toReversed()))
      metadata['last-column-id'] = Math.max(
        Number(metadata['last-column-id']),
        ...(schema['fields'] as JsonObject[]).map((field) => Number(field['id'])),
      )
    },
    'set-current-schema': () => (metadata['current-schema-id'] = update['schema-id']),
    'add-spec': () => push('partition-specs', update['spec']),
    'set-default-spec': () => (metadata['default-spec-id'] = 0),
    'add-sort-order': () => push('sort-orders', update['sort-order']),
    'set-default-sort-order': () =>
      (metadata['default-sort-order-id'] = (metadata['sort-orders'] as Json[]).length - 1),
    'set-location': () => (metadata['location'] = update['location']),
    'set-properties': () =>
      (metadata['properties'] = {
        ...(metadata['properties'] as JsonObject),
        ...(update['updates'] as JsonObject),
      }),
    'add-snapshot': () => addSnapshot(metadata, update['snapshot'] as JsonObject, push),
    'set-snapshot-ref': () => {
      const { action: _action, 'ref-name': name, ...ref } = update
      refs[textOf(name)] = ref
      if (name !== 'main') return
      metadata['current-snapshot-id'] = ref['snapshot-id']
      push('snapshot-log', { 'snapshot-id': ref['snapshot-id'] ?? 0, 'timestamp-ms': 1 })
    },
    'remove-snapshot-ref': () => delete refs[textOf(update['ref-name'])],
    'remove-snapshots': () => {
      const gone = update['snapshot-ids'] as Json[]
      metadata['snapshots'] = (metadata['snapshots'] as JsonObject[]).filter(
        (snapshot) => !gone.includes(snapshot['snapshot-id'] ?? null),
      )
    },
  }
  const action = actions[textOf(update['action'])]
  if (action === undefined) throw new Refusal(400, `update ${textOf(update['action'])}`)
  action()
}

function addSnapshot(
  metadata: Mutable,
  snapshot: JsonObject,
  push: (name: string, value: JsonObject) => void,
): void {
  const number = Number(snapshot['sequence-number'])
  if (number <= Number(metadata['last-sequence-number'])) throw new Refusal(400, `sequence number ${number}`)
  push('snapshots', snapshot)
  metadata['last-sequence-number'] = number
  metadata['last-updated-ms'] = snapshot['timestamp-ms']
  if (snapshot['first-row-id'] === undefined) return
  if (Number(snapshot['first-row-id']) < Number(metadata['next-row-id']))
    throw new Refusal(400, 'first-row-id')
  metadata['next-row-id'] = Number(snapshot['first-row-id']) + Number(snapshot['added-rows'])
}

function textOf(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Refusal(400, `a text expected, not ${formatJson(value ?? null)}`)
  return value
}
