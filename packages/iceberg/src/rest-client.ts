import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import { formatJson, isObject, parseJson, type Json, type JsonObject } from './json.ts'

const ATTEMPTS_MAX = 6
const DELAY_MS = 100
const TIMEOUT_MS = 60_000

/** A catalog that speaks Iceberg's REST protocol, and the table in it. */
export interface RestCatalogOptions {
  /** Base URL, without `/v1`. */
  readonly uri: string
  /** Of several warehouses that the server has: which one. */
  readonly warehouse?: string | undefined
  /** The namespace, level by level if it has several. It has to be there. */
  readonly namespace: string | readonly string[]
  /** Name of the table in the catalog; that of the exported table without it. */
  readonly table?: string | undefined
  /** A bearer token. A function is asked again when the server takes the token no more. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface RestAnswer {
  readonly status: number
  /** `undefined` if it is no JSON object. */
  readonly body: JsonObject | undefined
}

/** What the server says of how it wants to be asked. */
interface Config {
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
  readonly token: string | undefined
}

/** Sends requests to a catalog. 64-bit numbers stay exact both ways. */
export class RestClient {
  readonly #options: RestCatalogOptions
  readonly #env: Environment
  #config: Config | undefined
  #token: string | undefined

  constructor(options: RestCatalogOptions, env: Environment) {
    this.#options = options
    this.#env = env
  }

  /** Asks until there is an answer that is not a temporary failure. */
  async get(path: string): Promise<RestAnswer> {
    return await this.#persist(`GET ${path}`, async () =>
      this.#send('GET', (await this.#settings()).base + path),
    )
  }

  /**
   * Sends once; again only where the server has refused to look at it (429, or a token that is out of date). Rejects, or
   * answers 5xx, where nobody knows whether it took effect.
   */
  async post(path: string, body: Json): Promise<RestAnswer> {
    const { base } = await this.#settings()
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#send('POST', base + path, body)
      if (answer.status !== 429 || attempt === ATTEMPTS_MAX) return answer
      await this.pause(attempt)
    }
  }

  /** Twice as long each time, and not the same for all who wait. */
  async pause(attempt: number): Promise<void> {
    const longest = DELAY_MS * 2 ** attempt
    const delay = longest / 2 + this.#env.random(longest / 2)
    await new Promise<void>((resolve) => void this.#env.after(delay, resolve))
  }

  async #settings(): Promise<Config> {
    if (this.#config !== undefined) return this.#config
    const { uri, warehouse, headers = {} } = this.#options
    const root = uri.replace(/\/$/, '')
    this.#config = { base: root, headers, token: undefined }
    try {
      const query = warehouse === undefined ? '' : `?warehouse=${encodeURIComponent(warehouse)}`
      const { status, body } = await this.#persist('GET /v1/config', () =>
        this.#send('GET', `${root}/v1/config${query}`),
      )
      if (status !== 200 || body === undefined) throw refusal(`${root}/v1/config`, { status, body })
      const config: Record<string, unknown> = {
        ...membersOf(body['defaults']),
        ...membersOf(body['overrides']),
      }
      const told = Object.entries(config).filter(([name]) => name.startsWith('header.'))
      const { prefix, uri: moved, token } = config
      const start = typeof moved === 'string' ? moved.replace(/\/$/, '') : root
      return (this.#config = {
        base: `${start}/v1${typeof prefix === 'string' && prefix !== '' ? `/${prefix}` : ''}`,
        headers: {
          ...Object.fromEntries(told.map(([name, value]) => [name.slice('header.'.length), String(value)])),
          ...headers,
        },
        token: typeof token === 'string' ? token : undefined,
      })
    } catch (error) {
      this.#config = undefined
      throw error
    }
  }

  async #persist(what: string, send: () => Promise<RestAnswer>): Promise<RestAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await send()
        if (answer.status < 500 && answer.status !== 429) return answer
        if (attempt === ATTEMPTS_MAX) throw refusal(what, answer)
      } catch (error) {
        if (error instanceof MeruError) throw error
        if (attempt === ATTEMPTS_MAX) throw unreachable(this.#options.uri, what, error)
      }
      await this.pause(attempt)
    }
  }

  async #send(method: 'GET' | 'POST', url: string, body?: Json): Promise<RestAnswer> {
    const answer = await this.#once(method, url, body)
    const { token } = this.#options
    if ((answer.status !== 401 && answer.status !== 419) || typeof token !== 'function') return answer
    this.#token = undefined
    return await this.#once(method, url, body)
  }

  async #once(method: 'GET' | 'POST', url: string, body: Json | undefined): Promise<RestAnswer> {
    const { token } = this.#options
    this.#token ??= typeof token === 'function' ? await token() : (token ?? this.#config?.token)
    const controller = new AbortController()
    const cancel = this.#env.after(TIMEOUT_MS, () => controller.abort(new Error('no answer in time')))
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...this.#config?.headers,
        },
        ...(body === undefined ? {} : { body: formatJson(body) }),
        signal: controller.signal,
      })
      return { status: response.status, body: objectIn(await response.text()) }
    } finally {
      cancel()
    }
  }
}

/** The error for an answer that says no. */
export function refusal(what: string, { status, body }: RestAnswer): MeruError {
  const error = isObject(body?.['error']) ? body['error'] : {}
  const reason = [error['type'], error['message']].filter((part) => typeof part === 'string').join(': ')
  const code = status >= 500 || status === 429 ? 'IO' : 'INVALID'
  return new MeruError(code, `${what}: the catalog answered ${status}${reason === '' ? '' : ` (${reason})`}`)
}

export function unreachable(uri: string, what: string, error: unknown): MeruError {
  const reason = error instanceof Error ? error : new Error(String(error))
  const detail = reason.cause instanceof Error ? `: ${reason.cause.message}` : ''
  return new MeruError('IO', `${what}: no answer of the catalog at ${uri} (${reason.message}${detail})`, {
    cause: error,
  })
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function membersOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
