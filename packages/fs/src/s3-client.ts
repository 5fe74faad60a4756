import { MeruError } from '@meru/core'
import type { Environment } from './file-system.ts'
import { encodeName, hashHex, signedHeaders, type S3Credentials } from './s3-signature.ts'

const ATTEMPTS_MAX = 6
const DELAY_MS = 100
const TIMEOUT_MS = 60_000
const EMPTY = new Uint8Array(0)

/** What a store calls throttled or unavailable, and a race that it wants to be run again (409). */
const PASSING: ReadonlySet<number> = new Set([409, 429, 500, 502, 503, 504])

export interface S3Options {
  /** Base URL of the service: `https://s3.eu-central-1.amazonaws.com`, `http://localhost:9000`. */
  readonly endpoint: string
  readonly bucket: string
  /** Key prefix without slash at either end; the root of the file system. */
  readonly prefix?: string | undefined
  readonly region: string
  /** A function is asked before every request, so that it can renew what expires. */
  readonly credentials: S3Credentials | (() => S3Credentials | Promise<S3Credentials>)
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Within the bucket; empty for the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface S3Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
  /** True if an earlier attempt may have taken effect though its answer was lost. */
  readonly isRepeated: boolean
}

/** Sends signed requests, and sends again what fails in a way that may pass. */
export class S3Client {
  readonly #options: S3Options
  readonly #env: Environment

  constructor(options: S3Options, env: Environment) {
    this.#options = options
    this.#env = env
  }

  /** An answer with one of these statuses; any other is an `IO` error that says what the store said. */
  async send(request: S3Request, expected: readonly number[]): Promise<S3Answer> {
    let problem: unknown
    let isRepeated = false
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await this.#pause(attempt)
      try {
        const { status, headers, body } = await this.#once(request)
        if (expected.includes(status)) return { status, headers, body, isRepeated }
        problem = new Error(describe(status, body))
        if (!PASSING.has(status)) break
        // A refused race has changed nothing; of the others nobody knows.
        if (status !== 409 && status !== 429) isRepeated = true
      } catch (error) {
        problem = error
        isRepeated = true
      }
    }
    const { method, key } = request
    const reason = problem instanceof Error ? messageOf(problem) : String(problem)
    throw new MeruError('IO', `${method} s3://${this.#options.bucket}/${key}: ${reason}`, { cause: problem })
  }

  async #once(request: S3Request): Promise<{ status: number; headers: Headers; body: Uint8Array }> {
    const { credentials, region } = this.#options
    const { method, key, query = {}, headers = {}, body = EMPTY } = request
    const url = this.#urlOf(key, query)
    const signer = {
      credentials: typeof credentials === 'function' ? await credentials() : credentials,
      region,
      service: 's3',
      now: this.#env.now(),
    }
    const controller = new AbortController()
    const cancel = this.#env.after(TIMEOUT_MS, () => controller.abort(new Error('no answer in time')))
    try {
      const response = await fetch(url, {
        method,
        headers: signedHeaders({ method, url, headers, bodyHash: hashHex(body) }, signer),
        ...(method === 'PUT' || method === 'POST' ? { body: body as Uint8Array<ArrayBuffer> } : {}),
        signal: controller.signal,
      })
      const received = new Uint8Array(await response.arrayBuffer())
      return { status: response.status, headers: response.headers, body: received }
    } finally {
      cancel()
    }
  }

  #urlOf(key: string, query: Readonly<Record<string, string>>): URL {
    const { endpoint, bucket } = this.#options
    const path = [bucket, ...key.split('/')].map(encodeName).join('/')
    const pairs = Object.entries(query).map(([name, value]) => `${encodeName(name)}=${encodeName(value)}`)
    return new URL(`${endpoint.replace(/\/$/, '')}/${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`)
  }

  /** Twice as long each time, and not the same for all who wait. */
  async #pause(attempt: number): Promise<void> {
    const longest = DELAY_MS * 2 ** attempt
    const delay = longest / 2 + this.#env.random(longest / 2)
    await new Promise<void>((resolve) => void this.#env.after(delay, resolve))
  }
}

/** The text of an element in an answer; the first of its kind. */
export function elementText(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text === undefined ? undefined : decodeEntities(text)
}

/** The whole inner text of each element of a kind. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map((match) => match[1])
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16))
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)))
    return ENTITIES[name] ?? whole
  })
}

function describe(status: number, body: Uint8Array): string {
  const xml = new TextDecoder().decode(body)
  const parts = [elementText(xml, 'Code'), elementText(xml, 'Message')].filter((part) => part !== undefined)
  return `the store answered ${status}${parts.length === 0 ? '' : ` (${parts.join(': ')})`}`
}

/** What `fetch` throws keeps the reason in its cause. */
function messageOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
