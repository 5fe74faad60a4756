import { createHash } from 'node:crypto'

/** A hash that is fed piece by piece. Ends with the first `digest` or `digestHex`. */
export interface Hasher {
  update(bytes: Uint8Array): Hasher
  /** The 32 bytes of the hash. */
  digest(): Uint8Array
  /** The hash as 64 lower-case hexadecimal digits. */
  digestHex(): string
}

/** A new SHA-256 hasher. */
export function sha256(): Hasher {
  const hash = createHash('sha256')
  const hasher: Hasher = {
    update(bytes) {
      hash.update(bytes)
      return hasher
    },
    digest: () => new Uint8Array(hash.digest()),
    digestHex: () => hash.digest('hex'),
  }
  return hasher
}
