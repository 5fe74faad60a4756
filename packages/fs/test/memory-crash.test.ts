import { CRASH_MODES, MemoryFs, type CrashMode, type WriteHandle } from '../src/index.ts'
import { randomFrom } from './random.ts'
import { describe, expect, test } from 'vitest'

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)

/** A durable file of ones, open for writing. */
async function started(length: number): Promise<{ fs: MemoryFs; file: WriteHandle }> {
  const fs = new MemoryFs()
  const file = await fs.create('a', { exclusive: true })
  await file.write(filled(length, 1), 0)
  await file.sync()
  await fs.syncDirectory('')
  return { fs, file }
}

/** Every outcome of many crashes, as run lengths: `1x512 2x100`. */
async function outcomes(fs: MemoryFs, mode: CrashMode, path = 'a'): Promise<string[]> {
  const found = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    found.add(runs(await fs.crashImage(mode, randomFrom(seed)).readFile(path)))
  }
  return [...found].toSorted()
}

function runs(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'absent'
  const parts: [number, number][] = []
  for (const byte of bytes) {
    const last = parts.at(-1)
    if (last?.[0] === byte) last[1]++
    else parts.push([byte, 1])
  }
  return parts.map(([byte, count]) => `${byte}x${count}`).join(' ')
}

describe('bytes', () => {
  test('drop keeps what was synced and nothing else', async () => {
    const { fs, file } = await started(1000)
    await file.write(filled(600, 2), 700)
    expect(await outcomes(fs, 'drop')).toEqual(['1x1000'])
    await file.sync()
    await file.write(filled(10, 3), 0)
    expect(await outcomes(fs, 'drop')).toEqual(['1x700 2x600'])
  })

  test('torn cuts the last write at a sector boundary and keeps those before it', async () => {
    const { fs, file } = await started(100)
    await file.write(filled(100, 2), 100)
    await file.write(filled(1500, 3), 200)
    expect(await outcomes(fs, 'torn')).toEqual([
      '1x100 2x100',
      '1x100 2x100 3x1336',
      '1x100 2x100 3x312',
      '1x100 2x100 3x824',
    ])
  })

  test('torn leaves a mix of old and new where the write was over old bytes', async () => {
    const { fs, file } = await started(1536)
    await file.write(filled(1536, 2), 0)
    expect(await outcomes(fs, 'torn')).toEqual(['1x1536', '2x1024 1x512', '2x512 1x1024'])
  })

  test('sectors keeps any sectors, with a length that some moment had', async () => {
    const { fs, file } = await started(512)
    await file.write(filled(1024, 2), 512)
    expect(await outcomes(fs, 'sectors')).toEqual([
      '1x512',
      '1x512 0x1024',
      '1x512 0x512 2x512',
      '1x512 2x1024',
      '1x512 2x512 0x512',
    ])
  })

  test('sectors never keeps the later of two writes to a sector without the earlier one', async () => {
    const { fs, file } = await started(512)
    await file.write(filled(10, 2), 0)
    await file.write(filled(10, 3), 20)
    expect(await outcomes(fs, 'sectors')).toEqual(['1x512', '2x10 1x10 3x10 1x482', '2x10 1x502'])
  })

  test('grown has the new length and zeros', async () => {
    const { fs, file } = await started(100)
    await file.write(filled(50, 2), 80)
    expect(await outcomes(fs, 'grown')).toEqual(['1x100 0x30'])
  })

  test('any reaches the outcomes of the other modes', async () => {
    const { fs, file } = await started(512)
    await file.write(filled(512, 2), 512)
    const found = await outcomes(fs, 'any')
    expect(found).toEqual(['1x512', '1x512 0x512', '1x512 2x512'])
  })

  test('a file that was emptied has its old bytes until the next sync', async () => {
    const { fs } = await started(100)
    const again = await fs.create('a', { exclusive: false })
    await again.write(filled(10, 2), 0)
    expect(await outcomes(fs, 'drop')).toEqual(['1x100'])
    expect(await outcomes(fs, 'sectors')).toEqual(['', '0x10', '0x100', '1x10', '1x100', '2x10', '2x10 0x90'])
    await again.sync()
    expect(await outcomes(fs, 'drop')).toEqual(['2x10'])
  })

  test('a sync covers the writes that were done when it was called', async () => {
    const { fs, file } = await started(10)
    await file.write(filled(10, 2), 10)
    const late = file.write(filled(10, 3), 20)
    await Promise.all([file.sync(), file.sync(), late])
    expect(await outcomes(fs, 'drop')).toEqual(['1x10 2x10'])
  })
})

describe('names', () => {
  test('a file whose name was never made durable is gone, its bytes synced or not', async () => {
    const fs = new MemoryFs()
    const file = await fs.create('a', { exclusive: true })
    await file.write(filled(10, 2), 0)
    await file.sync()
    expect(await outcomes(fs, 'drop')).toEqual(['absent'])
    expect(await outcomes(fs, 'names')).toEqual(['2x10', 'absent'])
    await fs.syncDirectory('')
    expect(await outcomes(fs, 'names')).toEqual(['2x10'])
  })

  test('a name that survives alone leads to an empty file', async () => {
    const fs = new MemoryFs()
    const file = await fs.create('a', { exclusive: true })
    await file.write(filled(10, 2), 0)
    await fs.syncDirectory('')
    expect(await outcomes(fs, 'names')).toEqual([''])
  })

  test('a directory takes its files with it, unless the one above it was synced', async () => {
    const fs = new MemoryFs()
    await fs.makeDirectory('x/y')
    const file = await fs.create('x/y/a', { exclusive: true })
    await file.write(filled(10, 2), 0)
    await file.sync()
    await fs.syncDirectory('x/y')
    expect(await outcomes(fs, 'drop', 'x/y/a')).toEqual(['absent'])
    await fs.syncDirectory('x')
    expect(await outcomes(fs, 'drop', 'x/y/a')).toEqual(['absent'])
    await fs.syncDirectory('')
    expect(await outcomes(fs, 'drop', 'x/y/a')).toEqual(['2x10'])
  })

  test('renames, links, creations and removals survive one by one', async () => {
    const fs = MemoryFs.from([
      ['a', filled(1, 1)],
      ['b', filled(1, 2)],
    ])
    await fs.rename('a', 'b')
    await fs.link('b', 'c')
    await fs.remove('b')
    const found = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const files = fs.crashImage('names', randomFrom(seed)).snapshotFiles()
      found.add(
        [...files]
          .map(([name, bytes]) => name + bytes[0])
          .toSorted()
          .join(' '),
      )
    }
    expect([...found].toSorted()).toEqual(['', 'a1', 'a1 b2', 'a1 b2 c1', 'a1 c1', 'b1', 'b1 c1', 'c1'])
    expect(fs.crashImage('drop').listSync('').toSorted()).toEqual(['a', 'b'])
  })

  test('a sync covers the names that were there when it was called', async () => {
    const { fs } = await started(1)
    await fs.link('a', 'b')
    const syncs = [fs.syncDirectory(''), fs.syncDirectory('')]
    const late = fs.createSync('c', { exclusive: true })
    await Promise.all(syncs)
    expect(fs.crashImage('drop').listSync('').toSorted()).toEqual(['a', 'b'])
    await late.close()
    await fs.syncDirectory('')
    expect(fs.crashImage('drop').listSync('').toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('two names of a file are one file after a crash too', async () => {
    const { fs, file } = await started(10)
    await fs.link('a', 'b')
    await fs.syncDirectory('')
    await file.write(filled(600, 2), 0)
    for (const mode of CRASH_MODES) {
      const found = fs.crashImage(mode, randomFrom(3))
      expect(runs(await found.readFile('a'))).toBe(runs(await found.readFile('b')))
      const writer = await found.create('a', { exclusive: false })
      await writer.write(filled(3, 7), 0)
      expect(runs(await found.readFile('b'))).toBe('7x3')
    }
  })
})

describe('what goes on', () => {
  test('a crashed file system and its handles stop working', async () => {
    const { fs, file } = await started(10)
    const reader = fs.openSync('a')
    const inFlight = file.write(filled(5, 9), 0)
    const found = fs.crash('drop')
    const io = { code: 'IO', message: expect.stringContaining('has crashed') }
    await expect(inFlight).rejects.toMatchObject(io)
    await expect(file.sync()).rejects.toMatchObject(io)
    await expect(reader.read(new Uint8Array(1), 0)).rejects.toMatchObject(io)
    await expect(fs.readFile('a')).rejects.toMatchObject(io)
    expect(() => fs.listSync('')).toThrow('has crashed')
    expect(() => file.writeSync(filled(1, 1), 0)).toThrow('has crashed')
    await file.close()
    expect(await found.readFile('a')).toEqual(filled(10, 1))
  })

  test('a killed process leaves all it wrote, and none of it more durable than before', async () => {
    const { fs, file } = await started(10)
    await file.write(filled(5, 2), 10)
    await fs.link('a', 'b')
    const found = fs.kill()
    await expect(fs.readFile('a')).rejects.toMatchObject({ code: 'IO' })
    expect(runs(await found.readFile('b'))).toBe('1x10 2x5')
    const lost = found.crash('drop')
    expect(runs(await lost.readFile('a'))).toBe('1x10')
    expect(await lost.readFile('b')).toBeUndefined()
  })

  test('an image and its source share no bytes that either may change', async () => {
    for (const mode of CRASH_MODES) {
      const { fs, file } = await started(1000)
      await file.write(filled(100, 2), 1000)
      const image = fs.crashImage(mode, randomFrom(1))
      const found = runs(await image.readFile('a'))
      await file.write(filled(10, 5), 995)
      await file.write(filled(10, 6), 1095)
      expect(runs(await image.readFile('a'))).toBe(found)
      const writer = await image.create('a', { exclusive: false })
      await writer.write(filled(3000, 7), 0)
      expect(runs(await fs.readFile('a'))).toBe('1x995 5x10 2x90 6x10')
      const second = fs.crashImage('drop')
      const handle = second.createSync('a', { exclusive: false })
      handle.writeSync(filled(900, 8), 0)
      expect(runs(await fs.readFile('a'))).toBe('1x995 5x10 2x90 6x10')
      expect(runs(await image.readFile('a'))).toBe('7x3000')
    }
  })

  test('random modes refuse to run without a random source', async () => {
    const { fs, file } = await started(10)
    await file.write(filled(5, 2), 10)
    expect(() => fs.crashImage('sectors')).toThrow(TypeError)
    expect(() => fs.crashImage('names')).not.toThrow()
  })
})

describe('a failed sync', () => {
  test('loses what it covered, although it still reads and later syncs succeed', async () => {
    const { fs, file } = await started(512)
    await file.write(filled(512, 2), 512)
    fs.loseUnsynced('a')
    expect(runs(await fs.readFile('a'))).toBe('1x512 2x512')
    await file.sync()
    for (const mode of ['drop', 'sectors', 'torn', 'names'] as const) {
      expect(await outcomes(fs, mode)).toEqual(['1x512'])
    }
    expect(await outcomes(fs, 'grown')).toEqual(['1x512 0x512'])
    await file.write(filled(100, 3), 1024)
    await file.sync()
    expect(await outcomes(fs, 'drop')).toEqual(['1x512 0x512 3x100'])
  })

  test('a sector that is written again reaches the disk whole', async () => {
    const { fs, file } = await started(100)
    await file.write(filled(100, 2), 100)
    fs.loseUnsynced('a')
    await file.write(filled(100, 3), 200)
    expect(await outcomes(fs, 'drop')).toEqual(['1x100'])
    await file.sync()
    await file.write(filled(100, 4), 250)
    expect(await outcomes(fs, 'drop')).toEqual(['1x100 2x100 3x100'])
    fs.loseUnsynced('a')
    expect(await outcomes(fs, 'any')).toEqual(['1x100 2x100 3x100', '1x100 2x100 3x100 0x50'])
  })

  test('of a directory loses its names', async () => {
    const { fs } = await started(10)
    await fs.link('a', 'b')
    fs.loseUnsynced('')
    await fs.syncDirectory('')
    await fs.link('a', 'c')
    expect((await fs.list('')).toSorted()).toEqual(['a', 'b', 'c'])
    expect(fs.crashImage('drop').listSync('')).toEqual(['a'])
    await fs.syncDirectory('')
    expect(fs.crashImage('drop').listSync('').toSorted()).toEqual(['a', 'c'])
  })
})
