import { fstatSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Descriptor } from '../src/descriptor.ts'

const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

test.each(['close', 'closeSync'] as const)('%s waits until the last running call is done', async (close) => {
  const fd = openSync(import.meta.filename, 'r')
  const descriptor = new Descriptor(fd, 'a')
  expect(descriptor.acquire('read')).toBe(fd)
  expect(descriptor.acquire('read')).toBe(fd)
  const closed = descriptor[close]()
  expect(() => descriptor.acquire('read')).toThrow('read a: the file handle is closed')
  expect(() => descriptor.now('sync')).toThrow('sync a: the file handle is closed')
  descriptor.release()
  await new Promise((resolve) => setImmediate(resolve))
  expect(isOpen(fd)).toBe(true)
  descriptor.release()
  await closed
  await descriptor.close()
  expect(isOpen(fd)).toBe(false)
})

test('closing again does not close the file that has the number by then', async () => {
  const fd = openSync(import.meta.filename, 'r')
  const descriptor = new Descriptor(fd, 'a')
  descriptor.closeSync()
  const next = openSync(import.meta.filename, 'r')
  expect(next).toBe(fd)
  descriptor.closeSync()
  await descriptor.close()
  expect(isOpen(next)).toBe(true)
  new Descriptor(next, 'b').closeSync()
  expect(isOpen(next)).toBe(false)
})
