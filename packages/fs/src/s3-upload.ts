import { MeruError } from '@meru/core'
import { errnoError, ioError } from './io-error.ts'
import { elementText, type S3Answer, type S3Client } from './s3-client.ts'

/** Marks an object with the creation that made it, so that a lost answer can be made up for. */
const NONCE = 'x-amz-meta-meru-put'
const TAKEN = [412]
const DONE = [200]

export interface UploadPlace {
  readonly client: S3Client
  readonly key: string
  readonly path: string
  /** A name that no other creation has. */
  readonly nonce: string
  /** Only if there is no object of this name. */
  readonly exclusive: boolean
}

/** Makes one object, in one request or in parts. */
export class Uploader {
  readonly #place: UploadPlace
  #isMade = false
  #uploadId: string | undefined
  readonly #etags: Map<number, string> = new Map()

  constructor(place: UploadPlace) {
    this.#place = place
  }

  /** The whole object. It may be called again: the second time it replaces what the first made. */
  async whole(body: Uint8Array): Promise<void> {
    const { client, key } = this.#place
    await this.#create((condition) =>
      client.send({ method: 'PUT', key, headers: { ...condition, ...this.#mark() }, body }, [
        ...DONE,
        ...TAKEN,
      ]),
    )
  }

  /** A part behind the first, which has index 0. */
  async part(index: number, body: Uint8Array): Promise<void> {
    const { client, key, path } = this.#place
    if (this.#isMade) throw ioError('write', path, errnoError('EINVAL', 'the object is complete'))
    this.#uploadId ??= await this.#begin()
    const query = { partNumber: String(index + 1), uploadId: this.#uploadId }
    const { headers } = await client.send({ method: 'PUT', key, query, body }, DONE)
    this.#etags.set(index, headers.get('etag') ?? '')
  }

  /** With the first part: makes the object. */
  async complete(first: Uint8Array): Promise<void> {
    if (this.#isMade) return
    await this.part(0, first)
    const { client, key } = this.#place
    const parts = [...this.#etags].toSorted(([a], [b]) => a - b)
    const listed = parts.map(
      ([index, etag]) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
    )
    const body = new TextEncoder().encode(
      `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`,
    )
    const query = { uploadId: this.#uploadId ?? '' }
    await this.#create(async (condition) => {
      const request = { method: 'POST', key, query, headers: condition, body } as const
      // Once an answer was lost, the upload may be gone because it is complete.
      const answer = await client.send(request, [...DONE, ...TAKEN, 404])
      if (answer.status !== 200) return answer
      // The store answers 200 before it is done, and tells of a failure in the body.
      const code = elementText(new TextDecoder().decode(answer.body), 'Code')
      return code === undefined ? answer : { ...answer, status: 404, isRepeated: true }
    })
    this.#uploadId = undefined
  }

  /** Gives up what is not complete. */
  async abandon(): Promise<void> {
    if (this.#uploadId === undefined) return
    const { client, key } = this.#place
    const query = { uploadId: this.#uploadId }
    this.#uploadId = undefined
    // A store removes what is left of it by its own rules.
    await client.send({ method: 'DELETE', key, query }, [200, 204, 404]).catch(() => undefined)
  }

  async #begin(): Promise<string> {
    const { client, key, path } = this.#place
    const request = { method: 'POST', key, query: { uploads: '' }, headers: this.#mark() } as const
    const { body } = await client.send(request, DONE)
    const id = elementText(new TextDecoder().decode(body), 'UploadId')
    if (id === undefined) throw ioError('create', path, new Error('the store gave no upload id'))
    return id
  }

  async #create(send: (condition: Record<string, string>) => Promise<S3Answer>): Promise<void> {
    const { exclusive, path } = this.#place
    const isConditional = exclusive && !this.#isMade
    const { status, isRepeated } = await send(isConditional ? { 'if-none-match': '*' } : {})
    if (status !== 200 && !(isRepeated && (await this.#isOurs()))) {
      if (status === 412)
        throw ioError('create', path, errnoError('EEXIST', 'there is an object of this name'))
      throw new MeruError('IO', `create ${path}: the store did not complete the upload; try again`)
    }
    this.#isMade = true
  }

  /** Whether the object of this name is the one that was to be made here. */
  async #isOurs(): Promise<boolean> {
    const { client, key, nonce } = this.#place
    const { status, headers } = await client.send({ method: 'HEAD', key }, [200, 404])
    return status === 200 && headers.get(NONCE) === nonce
  }

  #mark(): Record<string, string> {
    return { [NONCE]: this.#place.nonce }
  }
}
