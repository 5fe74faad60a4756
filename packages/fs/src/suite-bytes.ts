import { expect, test } from 'vitest'
import { expectFailure, expectSame, pattern, put, type MakeFileSystem } from './suite-expectations.ts'

/** What a read returns. */
export function readingSuite(make: MakeFileSystem): void {
  test('bytes read back as written', async () => {
    const fs = await make()
    const bytes = pattern(3_000_001)
    await put(fs, 'a', bytes)
    const handle = await fs.open('a')
    expect([handle.path, handle.size]).toEqual(['a', bytes.length])
    for (const [offset, length] of [
      [0, 10],
      [511, 2],
      [2_999_990, 11],
      [0, bytes.length],
    ]) {
      const into = new Uint8Array(length)
      expect(await handle.read(into, offset)).toBe(length)
      expectSame(into, bytes.subarray(offset, offset + length))
      into.fill(0)
      expect(handle.readSync(into, offset)).toBe(length)
      expectSame(into, bytes.subarray(offset, offset + length))
    }
    await handle.close()
    expectSame(await fs.readFile('a'), bytes)
  })

  test('a read across the end is short, one past it is empty', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(100))
    const handle = await fs.open('a')
    const into = new Uint8Array(64).fill(7)
    expect(await handle.read(into, 90)).toBe(10)
    expectSame(into.subarray(0, 10), pattern(100).subarray(90))
    expectSame(into.subarray(10), new Uint8Array(54).fill(7))
    expect(handle.readSync(into, 90)).toBe(10)
    for (const offset of [100, 101, 5000]) {
      expect(await handle.read(into, offset)).toBe(0)
      expect(handle.readSync(into, offset)).toBe(0)
    }
    expect(await handle.read(new Uint8Array(0), 0)).toBe(0)
    await handle.close()
  })

  test('a read fills its view and nothing beside it, in shared memory too', async () => {
    const fs = await make()
    await put(fs, 'a', pattern(100))
    const handle = await fs.open('a')
    for (const memory of [new ArrayBuffer(40), new SharedArrayBuffer(40)]) {
      const whole = new Uint8Array(memory).fill(9)
      expect(await handle.read(whole.subarray(10, 20), 30)).toBe(10)
      expect(handle.readSync(whole.subarray(25, 30), 50)).toBe(5)
      const expected = new Uint8Array(40).fill(9)
      expected.set(pattern(100).subarray(30, 40), 10)
      expected.set(pattern(100).subarray(50, 55), 25)
      expectSame(whole, expected)
    }
    await handle.close()
  })
}

/** Where written bytes end up. */
export function writingSuite(make: MakeFileSystem): void {
  test('bytes written from a view in shared memory are those of the view', async () => {
    const fs = await make()
    const whole = new Uint8Array(new SharedArrayBuffer(40))
    whole.set(pattern(40))
    const handle = await fs.create('a', { exclusive: true })
    await handle.write(whole.subarray(5, 15), 0)
    handle.writeSync(whole.subarray(20, 22), 10)
    await handle.close()
    const expected = new Uint8Array([...pattern(40).subarray(5, 15), ...pattern(40).subarray(20, 22)])
    expectSame(await fs.readFile('a'), expected)
  })

  test('positions need not be in order, and a gap reads as zeros', async () => {
    const fs = await make()
    const handle = await fs.create('a', { exclusive: true })
    await handle.write(Uint8Array.of(5, 6), 1000)
    await handle.write(Uint8Array.of(1, 2, 3), 0)
    handle.writeSync(Uint8Array.of(9), 1)
    await handle.write(new Uint8Array(0), 5000)
    await handle.sync()
    handle.syncSync()
    await handle.close()
    const expected = new Uint8Array(1002)
    expected.set([1, 9, 3])
    expected.set([5, 6], 1000)
    expectSame(await fs.readFile('a'), expected)
  })

  test("the bytes of readFile are the caller's own", async () => {
    const fs = await make()
    await put(fs, 'a', pattern(10))
    const first = await fs.readFile('a')
    first?.fill(0)
    expectSame(await fs.readFile('a'), pattern(10))
  })

  test('an empty file is a file', async () => {
    const fs = await make()
    await put(fs, 'a', new Uint8Array(0))
    expect(await fs.size('a')).toBe(0)
    expectSame(await fs.readFile('a'), new Uint8Array(0))
    expect((await fs.open('a')).size).toBe(0)
  })
}

/** Synchronous calls, and the end of a handle. */
export function handlesSuite(make: MakeFileSystem): void {
  test('the synchronous calls do what the others do', async () => {
    const fs = await make()
    const writer = fs.createSync('a', { exclusive: true })
    writer.writeSync(pattern(10), 0)
    writer.syncSync()
    writer.closeSync()
    const reader = fs.openSync('a')
    const into = new Uint8Array(10)
    expect([reader.path, reader.size, reader.readSync(into, 0)]).toEqual(['a', 10, 10])
    expectSame(into, pattern(10))
    reader.closeSync()
    expect(fs.listSync('')).toEqual(['a'])
  })

  test('closing may be repeated, and a closed handle refuses', async () => {
    const fs = await make()
    const writer = await fs.create('a', { exclusive: true })
    await writer.write(pattern(10), 0)
    const reader = await fs.open('a')
    await Promise.all([writer.close(), writer.close(), reader.close(), reader.close()])
    writer.closeSync()
    reader.closeSync()
    await writer.close()
    await reader.close()
    await expectFailure(() => writer.write(pattern(1), 0), 'CLOSED', 'a')
    await expectFailure(() => writer.writeSync(pattern(1), 0), 'CLOSED', 'a')
    await expectFailure(() => writer.sync(), 'CLOSED', 'a')
    await expectFailure(() => writer.syncSync(), 'CLOSED', 'a')
    await expectFailure(() => reader.read(new Uint8Array(1), 0), 'CLOSED', 'a')
    await expectFailure(() => reader.readSync(new Uint8Array(1), 0), 'CLOSED', 'a')
  })

  test('reads that were under way when the handle was closed still answer from their own file', async () => {
    const fs = await make()
    const bytes = pattern(400_000)
    await put(fs, 'a', bytes)
    await put(fs, 'b', new Uint8Array(400_000))
    for (const isSync of [true, false]) {
      const handle = await fs.open('a')
      const reads = Array.from({ length: 20 }, async (_, i) => {
        const into = new Uint8Array(300_000)
        await handle.read(into, i * 1000)
        expectSame(into, bytes.subarray(i * 1000, i * 1000 + 300_000))
      })
      if (isSync) handle.closeSync()
      const closed = handle.close()
      const others = Array.from({ length: 5 }, () => fs.openSync('b'))
      await Promise.all([...reads, closed])
      for (const other of others) other.closeSync()
    }
  })
}
