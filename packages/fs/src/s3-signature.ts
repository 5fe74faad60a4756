import { createHmac } from 'node:crypto'
import { sha256 } from './sha256.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** A request as it is signed: everything that the service computes the signature from. */
export interface SignedParts {
  readonly method: string
  readonly url: URL
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, in hexadecimal digits. */
  readonly bodyHash: string
}

export interface Signer {
  readonly credentials: S3Credentials
  readonly region: string
  readonly service: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const encoder = new TextEncoder()

/** The headers of a request with those that sign it: Signature Version 4 of AWS, over all headers given. */
export function signedHeaders(parts: SignedParts, signer: Signer): Record<string, string> {
  const time = amzTime(signer.now)
  const { accessKeyId, sessionToken } = signer.credentials
  const headers: Record<string, string> = {
    ...parts.headers,
    host: parts.url.host,
    'x-amz-content-sha256': parts.bodyHash,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  }
  const names = Object.keys(headers).toSorted()
  const canonical = [
    parts.method,
    parts.url.pathname,
    canonicalQuery(parts.url),
    ...names.map((name) => `${name}:${headers[name].trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    parts.bodyHash,
  ].join('\n')
  const scope = `${time.slice(0, 8)}/${signer.region}/${signer.service}/aws4_request`
  const text = [ALGORITHM, time, scope, hashHex(encoder.encode(canonical))].join('\n')
  const signature = hmac(signingKey(signer, time.slice(0, 8)), text).toString('hex')
  const { host: _host, ...sent } = headers
  const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  return { ...sent, authorization }
}

export function hashHex(bytes: Uint8Array): string {
  return sha256().update(bytes).digestHex()
}

/** Percent-encodes all but the characters that are never encoded, slashes too. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encodeName(name)}=${encodeName(value)}`)
    .toSorted()
    .join('&')
}

function signingKey({ credentials, region, service }: Signer, day: string): Buffer {
  let key = hmac(encoder.encode(`AWS4${credentials.secretAccessKey}`), day)
  for (const part of [region, service, 'aws4_request']) key = hmac(key, part)
  return key
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** `20261122T235959Z`. */
function amzTime(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
