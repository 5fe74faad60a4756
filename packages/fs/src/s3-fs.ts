import { MeruError } from '@meru/core'
import { checkFilePath, checkPath } from './file-path.ts'
import type { Environment, FileSystem, ReadHandle, WriteHandle } from './file-system.ts'
import { errnoError, ioError, isExists } from './io-error.ts'
import { nodeEnvironment } from './node-environment.ts'
import { elements, elementText, S3Client, type S3Options } from './s3-client.ts'
import { noSyncCalls, S3ReadHandle, S3WriteHandle } from './s3-handles.ts'
import { Uploader } from './s3-upload.ts'
import { writeDurably } from './write-durably.ts'

export type { S3Options } from './s3-client.ts'
export type { S3Credentials } from './s3-signature.ts'

/** Larger than the smallest that stores accept, and small enough to hold a few. */
const PART_BYTES = 16 << 20
/** Creations at once that the probe makes one win of. */
const PROBE_RACE = 4

/**
 * Files as objects of a store that speaks the protocol of Amazon S3, below a prefix of a bucket, which is addressed in
 * the path of the URL. An object appears whole, at `WriteHandle.sync`. There are no synchronous calls.
 */
export class S3Fs implements FileSystem {
  readonly root: string
  readonly wholeFiles = true
  readonly #client: S3Client
  readonly #env: Environment
  readonly #prefix: string
  readonly #partBytes: number

  private constructor(options: S3Options, env: Environment, partBytes: number) {
    const { bucket, prefix = '' } = options
    checkPath(prefix)
    this.root = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`
    this.#client = new S3Client(options, env)
    this.#env = env
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.#partBytes = partBytes
  }

  /**
   * Throws `UNSUPPORTED` if the store does not honour `If-None-Match: *`: creations there could overwrite each other,
   * so that two writers both believe to have won. Leaves nothing behind.
   */
  static async open(
    options: S3Options,
    parts: { readonly env?: Environment; readonly partBytes?: number } = {},
  ): Promise<S3Fs> {
    const fs = new S3Fs(options, parts.env ?? nodeEnvironment(), parts.partBytes ?? PART_BYTES)
    await fs.#probe()
    return fs
  }

  async open(path: string): Promise<ReadHandle> {
    const key = this.#keyOf(path)
    const { status, headers } = await this.#client.send({ method: 'HEAD', key }, [200, 404])
    if (status === 404) throw ioError('open', path, errnoError('ENOENT', 'there is no object of this name'))
    const etag = headers.get('etag')
    const condition = etag === null ? {} : { 'if-match': etag }
    return new S3ReadHandle(path, Number(headers.get('content-length')), async (offset, length) => {
      const range = `bytes=${offset}-${offset + length - 1}`
      const answer = await this.#client.send(
        { method: 'GET', key, headers: { range, ...condition } },
        [200, 206, 404, 412],
      )
      // A store that knows no ranges answers 200 with everything.
      const bytes =
        answer.status === 200 && answer.body.length !== length
          ? answer.body.subarray(offset, offset + length)
          : answer.body
      if (answer.status < 400 && bytes.length === length) return bytes
      const problem =
        answer.status < 400 ? `${bytes.length} bytes came of ${length}` : 'the object was replaced or removed'
      throw ioError('read', path, errnoError('EIO', problem))
    })
  }

  openSync(path: string): ReadHandle {
    throw noSyncCalls('open', path)
  }

  async create(path: string, { exclusive }: { exclusive: boolean }): Promise<WriteHandle> {
    const place = { client: this.#client, key: this.#keyOf(path), path, nonce: this.#env.uuid(), exclusive }
    return Promise.resolve(new S3WriteHandle(path, new Uploader(place), this.#partBytes))
  }

  createSync(path: string): WriteHandle {
    throw noSyncCalls('create', path)
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const request = { method: 'GET', key: this.#keyOf(path) } as const
    const { status, body } = await this.#client.send(request, [200, 404])
    return status === 404 ? undefined : body
  }

  async list(path: string): Promise<string[]> {
    checkPath(path)
    const prefix = path === '' ? this.#prefix : `${this.#prefix}${path}/`
    const names: string[] = []
    let token: string | undefined
    do {
      const query: Record<string, string> = {
        'list-type': '2',
        delimiter: '/',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      }
      const { body } = await this.#client.send({ method: 'GET', key: '', query }, [200])
      const xml = new TextDecoder().decode(body)
      const keys = elements(xml, 'Contents').map((each) => elementText(each, 'Key') ?? '')
      const directories = elements(xml, 'CommonPrefixes').map((each) =>
        (elementText(each, 'Prefix') ?? '').slice(0, -1),
      )
      for (const key of [...keys, ...directories])
        if (key.length > prefix.length) names.push(key.slice(prefix.length))
      token =
        elementText(xml, 'IsTruncated') === 'true' ? elementText(xml, 'NextContinuationToken') : undefined
    } while (token !== undefined)
    return names
  }

  listSync(path: string): string[] {
    throw noSyncCalls('list', path)
  }

  async size(path: string): Promise<number | undefined> {
    const request = { method: 'HEAD', key: this.#keyOf(path) } as const
    const { status, headers } = await this.#client.send(request, [200, 404])
    return status === 404 ? undefined : Number(headers.get('content-length'))
  }

  async makeDirectory(path: string): Promise<void> {
    checkPath(path)
    return Promise.resolve()
  }

  /** A conditional creation with the same bytes. */
  async link(from: string, to: string): Promise<void> {
    checkFilePath(to)
    const bytes = await this.readFile(from)
    if (bytes === undefined)
      throw ioError('link', from, errnoError('ENOENT', 'there is no object of this name'))
    await writeDurably(this, to, bytes)
  }

  /** Copies and removes; not one step. */
  async rename(from: string, to: string): Promise<void> {
    checkFilePath(to)
    if (from === to) return
    const bytes = await this.readFile(from)
    if (bytes === undefined)
      throw ioError('rename', from, errnoError('ENOENT', 'there is no object of this name'))
    const handle = await this.create(to, { exclusive: false })
    await handle.write(bytes, 0)
    await handle.sync()
    await handle.close()
    await this.remove(from)
  }

  async remove(path: string): Promise<void> {
    await this.#client.send({ method: 'DELETE', key: this.#keyOf(path) }, [200, 204, 404])
  }

  async removeDirectory(path: string): Promise<void> {
    checkFilePath(path)
    return Promise.resolve()
  }

  async syncDirectory(path: string): Promise<void> {
    checkPath(path)
    return Promise.resolve()
  }

  #keyOf(path: string): string {
    checkFilePath(path)
    return this.#prefix + path
  }

  async #probe(): Promise<void> {
    const path = `probe-${this.#env.uuid()}`
    try {
      const race = Array.from({ length: PROBE_RACE }, (_, i) => this.#create(path, i))
      // All of them come to an end before an error goes up and the object is removed.
      await Promise.allSettled(race)
      const won = (await Promise.all(race)).filter(Boolean).length
      const again = await this.#create(path, PROBE_RACE)
      if (won === 1 && !again) return
      throw new MeruError(
        'UNSUPPORTED',
        `${this.root}: the store does not honour "If-None-Match: *" (of ${PROBE_RACE} creations of one object ${won} ` +
          `succeeded, and a later one ${again ? 'too' : 'did not'}); two writers could overwrite each other`,
      )
    } finally {
      await this.remove(path)
    }
  }

  async #create(path: string, content: number): Promise<boolean> {
    try {
      await writeDurably(this, path, Uint8Array.of(content))
      return true
    } catch (error) {
      if (isExists(error)) return false
      throw error
    }
  }
}
