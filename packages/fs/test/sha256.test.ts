import { sha256 } from '../src/index.ts'
import { expect, test } from 'vitest'

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

test('the hash of "abc" is that of FIPS 180-4, in one piece or three', () => {
  expect(sha256().update(new TextEncoder().encode('abc')).digestHex()).toBe(ABC)
  const pieces = sha256()
  for (const letter of 'abc') pieces.update(new TextEncoder().encode(letter))
  const digest = pieces.digest()
  expect(digest.constructor).toBe(Uint8Array)
  expect(Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(ABC)
})
