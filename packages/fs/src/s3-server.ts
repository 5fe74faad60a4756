import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Options } from './s3-client.ts'
import { hashHex, signedHeaders, type S3Credentials } from './s3-signature.ts'

const KEYS_PER_PAGE = 3
const CREDENTIALS: S3Credentials = { accessKeyId: 'key id', secretAccessKey: 'secret/of+tests' }
const REGION = 'nowhere-1'
const UNSIGNED: ReadonlySet<string> = new Set(['authorization', 'x-amz-date', 'x-amz-content-sha256'])

/** What goes wrong with a request: `lose` drops the answer, `cut` ends it half-way; a status is answered instead. */
export interface S3Fault {
  /** Whether the request takes effect all the same. */
  readonly effect: boolean
  readonly answer: 'lose' | 'cut' | number
}

export interface S3ServerRequest {
  /** From 1 up. */
  readonly number: number
  readonly method: string
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
}

interface StoredObject {
  readonly body: Uint8Array
  readonly etag: string
  readonly metadata: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
}

/** An object store in memory that speaks the protocol of S3 over HTTP, for tests. It checks signatures. */
export class S3TestServer {
  readonly objects: Map<string, StoredObject> = new Map()
  /** Answers for each request whether and how it goes wrong. */
  fault: (request: S3ServerRequest) => S3Fault | undefined = () => undefined
  /** False for a store that takes no notice of conditions. */
  honoursConditions = true
  requests = 0
  readonly #uploads: Map<string, Map<number, Uint8Array>> = new Map()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<S3TestServer> {
    const server = new S3TestServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** What a client needs to know. */
  options(prefix?: string): S3Options {
    const { port } = this.#server.address() as AddressInfo
    const place = { endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', region: REGION }
    return { ...place, credentials: CREDENTIALS, ...(prefix === undefined ? {} : { prefix }) }
  }

  /** Uploads in parts that are neither complete nor given up. */
  get unfinishedUploads(): number {
    return this.#uploads.size
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const body = new Uint8Array(Buffer.concat(chunks))
    const url = new URL(message.url ?? '', `http://${message.headers.host ?? ''}`)
    const [, ...names] = url.pathname.slice(1).split('/')
    const key = names.map(decodeURIComponent).join('/')
    const { method = '', headers } = message
    const request = { number: ++this.requests, method, key, query: url.searchParams, headers, body }
    const fault = this.fault(request)
    const isSigned = isSignatureRight(request, url)
    const answer =
      fault?.effect === false
        ? { status: 0 }
        : isSigned
          ? this.#answer(request)
          : failure(403, 'SignatureDoesNotMatch')
    if (fault?.answer === 'lose') return void message.socket.destroy()
    respond(response, typeof fault?.answer === 'number' ? failure(fault.answer, 'Planned') : answer, {
      method,
      isCut: fault?.answer === 'cut',
    })
  }

  #answer(request: S3ServerRequest): Answer {
    const { method, key, query } = request
    if (key === '') return this.#list(query)
    if (method === 'PUT' && query.has('partNumber')) return this.#putPart(request)
    if (method === 'PUT') return this.#put(key, request.body, request.headers)
    if (method === 'POST' && query.has('uploads')) return this.#beginUpload(request)
    if (method === 'POST') return this.#completeUpload(request)
    if (method === 'DELETE') {
      if (query.has('uploadId')) this.#uploads.delete(uploadKey(query))
      else this.objects.delete(key)
      return { status: 204 }
    }
    return this.#get(request)
  }

  #put(key: string, body: Uint8Array, headers: IncomingMessage['headers']): Answer {
    const isTaken = headers['if-none-match'] === '*' && this.objects.has(key)
    if (isTaken && this.honoursConditions) return failure(412, 'PreconditionFailed')
    const etag = `"${hashHex(body).slice(0, 32)}"`
    const names = Object.keys(headers).filter((name) => name.startsWith('x-amz-meta-'))
    const metadata = Object.fromEntries(names.map((name) => [name, String(headers[name])]))
    this.objects.set(key, { body, etag, metadata })
    return { status: 200, headers: { etag } }
  }

  #get({ method, key, headers }: S3ServerRequest): Answer {
    const object = this.objects.get(key)
    if (object === undefined) return failure(404, 'NoSuchKey')
    if (headers['if-match'] !== undefined && headers['if-match'] !== object.etag)
      return failure(412, 'PreconditionFailed')
    const { body, etag, metadata } = object
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    const part = first === undefined ? body : body.subarray(Number(first), Number(last) + 1)
    const status = first === undefined || method === 'HEAD' ? 200 : 206
    return { status, headers: { etag, ...metadata, 'content-length': String(part.length) }, body: part }
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const entries = new Map<string, string>()
    for (const key of [...this.objects.keys()].toSorted()) {
      if (!key.startsWith(prefix)) continue
      const slash = key.indexOf('/', prefix.length)
      const name = slash < 0 ? key : key.slice(0, slash + 1)
      const tag = slash < 0 ? 'Contents><Key' : 'CommonPrefixes><Prefix'
      entries.set(name, `<${tag}>${escapeXml(name)}</${tag.split('><').toReversed().join('></')}>`)
    }
    const from = Number(query.get('continuation-token') ?? 0)
    const page = [...entries.values()].slice(from, from + KEYS_PER_PAGE)
    const isTruncated = from + page.length < entries.size
    const next = isTruncated ? `<NextContinuationToken>${from + page.length}</NextContinuationToken>` : ''
    const body = `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${page.join('')}</ListBucketResult>`
    return { status: 200, body }
  }

  #beginUpload({ number, headers }: S3ServerRequest): Answer {
    const id = `upload ${number} & more`
    this.#uploads.set(id, new Map())
    const nonce = headers['x-amz-meta-meru-put']
    this.#nonces.set(id, typeof nonce === 'string' ? { 'x-amz-meta-meru-put': nonce } : {})
    return { status: 200, body: `<Result><UploadId>${escapeXml(id)}</UploadId></Result>` }
  }

  readonly #nonces: Map<string, IncomingMessage['headers']> = new Map()

  #putPart({ query, body }: S3ServerRequest): Answer {
    const parts = this.#uploads.get(uploadKey(query))
    if (parts === undefined) return failure(404, 'NoSuchUpload')
    parts.set(Number(query.get('partNumber')), body)
    return { status: 200, headers: { etag: `"${hashHex(body).slice(0, 32)}"` } }
  }

  #completeUpload({ key, query, headers, body }: S3ServerRequest): Answer {
    const id = uploadKey(query)
    const parts = this.#uploads.get(id)
    if (parts === undefined) return failure(404, 'NoSuchUpload')
    const listed = [...new TextDecoder().decode(body).matchAll(/<PartNumber>(\d+)</g)].map(([, n]) =>
      Number(n),
    )
    const whole = Buffer.concat(listed.map((number) => parts.get(number) ?? new Uint8Array()))
    const answer = this.#put(key, new Uint8Array(whole), { ...headers, ...this.#nonces.get(id) })
    if (answer.status === 200) this.#uploads.delete(id)
    return answer.status === 200 ? { status: 200, body: '<Result/>' } : answer
  }
}

function uploadKey(query: URLSearchParams): string {
  return query.get('uploadId') ?? ''
}

/** Signs the request as it came and compares. */
function isSignatureRight({ method, headers, body }: S3ServerRequest, url: URL): boolean {
  const authorization = headers.authorization ?? ''
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1].split(';') ?? []
  const given = names.filter((name) => !UNSIGNED.has(name) && name !== 'host')
  const time = String(headers['x-amz-date'])
  const now = Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  const parts = {
    method,
    url,
    headers: Object.fromEntries(given.map((name) => [name, String(headers[name])])),
    bodyHash: hashHex(body),
  }
  const signer = { credentials: CREDENTIALS, region: REGION, service: 's3', now }
  return signedHeaders(parts, signer)['authorization'] === authorization
}

function respond(
  response: ServerResponse,
  { status, headers, body = '' }: Answer,
  how: { readonly method: string; readonly isCut: boolean },
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers })
  if (how.method === 'HEAD') return void response.end()
  if (!how.isCut) return void response.end(bytes)
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
}

function failure(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>${code} &amp; no more</Message></Error>` }
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
}
