import { expect, test } from 'vitest'
import { CRASH_MODES, MemoryFs, type CrashMode, type RandomBelow, type WriteHandle } from '../src/index.ts'
import { randomFrom } from './random.ts'

const SECTOR = 512
const EMPTY = new Uint8Array(0)
const DIRECTORIES = ['', 'x/']
const NAMES = ['a', 'b', 'c']

/** Every image of a file since it was last synced, oldest first: the synced one, and one for each write. */
interface File {
  images: Uint8Array[]
}

/** What a name may lead to after a crash: what it did at the last sync, and at each change since then. */
interface Name {
  possible: (File | undefined)[]
}

/** Keeps whole copies of everything, so that it cannot share a mistake with the undo log it checks. */
class Oracle {
  readonly names = new Map<string, Name>()

  fileAt(path: string): File | undefined {
    return this.names.get(path)?.possible.at(-1)
  }

  place(path: string, file: File | undefined): void {
    const name = this.names.get(path) ?? { possible: [undefined] }
    name.possible.push(file)
    this.names.set(path, name)
  }

  syncDirectory(directory: string): void {
    for (const [path, name] of this.names) {
      if (path.slice(0, path.lastIndexOf('/') + 1) === directory) name.possible = name.possible.slice(-1)
    }
  }

  /** What is wrong with a file that was found, or not found, after a crash. */
  problem(path: string, found: Uint8Array | undefined, mode: CrashMode): string | undefined {
    const possible = this.names.get(path)?.possible ?? [undefined]
    const candidates =
      mode === 'drop'
        ? possible.slice(0, 1)
        : mode === 'names' || mode === 'any'
          ? possible
          : possible.slice(-1)
    if (candidates.some((file) => isPossible(file, found, mode))) return undefined
    return `${mode}: ${path} has ${found?.length ?? 'no'} bytes, which none of ${candidates.length} states explains`
  }
}

function isPossible(file: File | undefined, found: Uint8Array | undefined, mode: CrashMode): boolean {
  if (file === undefined || found === undefined) return file === undefined && found === undefined
  const { images } = file
  const [synced, last, beforeLast] = [images[0], images[images.length - 1], images.at(-2)]
  switch (mode) {
    case 'drop':
    case 'names':
      return isSame(found, synced)
    case 'grown':
      return isSame(found, resized(synced, last.length))
    case 'torn':
      return beforeLast === undefined ? isSame(found, last) : isTorn(found, beforeLast, last)
    case 'sectors':
      return images.some(({ length }) => length === found.length) && isMixed(found, images)
    case 'any':
      return isMixed(found, [...images, EMPTY])
  }
}

function isTorn(found: Uint8Array, before: Uint8Array, after: Uint8Array): boolean {
  for (let cut = 0; cut <= Math.max(before.length, after.length); cut += SECTOR) {
    const length =
      after.length > before.length ? Math.max(before.length, Math.min(cut, after.length)) : after.length
    const torn = resized(before, length)
    torn.set(resized(after, length).subarray(0, cut))
    if (isSame(found, torn)) return true
  }
  return after.length < before.length && isSame(found, before)
}

/** Whether each sector is that of some image. */
function isMixed(found: Uint8Array, images: readonly Uint8Array[]): boolean {
  for (let from = 0; from < found.length; from += SECTOR) {
    const to = Math.min(from + SECTOR, found.length)
    const sector = found.subarray(from, to)
    if (!images.some((image) => isSame(sector, resized(image.subarray(from, to), to - from)))) return false
  }
  return true
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  copy.set(bytes.subarray(0, length))
  return copy
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** One random change of both; returns nothing. */
async function change(fs: MemoryFs, oracle: Oracle, open: Open, random: RandomBelow): Promise<void> {
  const path = DIRECTORIES[random(2)] + NAMES[random(3)]
  const target = DIRECTORIES[random(2)] + NAMES[random(3)]
  const file = oracle.fileAt(path)
  switch (random(10)) {
    case 0: {
      const handle = await fs.create(path, { exclusive: false })
      if (file !== undefined && file.images[file.images.length - 1].length > 0) file.images.push(EMPTY)
      if (file === undefined) oracle.place(path, { images: [EMPTY] })
      open.current = { handle, file: oracle.fileAt(path) ?? { images: [] } }
      return
    }
    case 1:
      await open.current?.handle.sync()
      if (open.current !== undefined) open.current.file.images.splice(0, open.current.file.images.length - 1)
      return
    case 2: {
      const directory = DIRECTORIES[random(2)]
      await fs.syncDirectory(directory.replace('/', ''))
      return oracle.syncDirectory(directory)
    }
    case 3:
      if (file === undefined || oracle.fileAt(target) !== undefined) return
      await fs.link(path, target)
      return oracle.place(target, file)
    case 4:
      if (file === undefined || oracle.fileAt(target) === file) return
      await fs.rename(path, target)
      oracle.place(target, file)
      return oracle.place(path, undefined)
    case 5:
      if (file === undefined) return
      await fs.remove(path)
      return oracle.place(path, undefined)
    default:
      return write(open, random)
  }
}

interface Open {
  current: { readonly handle: WriteHandle; readonly file: File } | undefined
}

async function write({ current }: Open, random: RandomBelow): Promise<void> {
  if (current === undefined) return
  const { images } = current.file
  const last = images[images.length - 1]
  const bytes = new Uint8Array(1 + random(1500)).fill(1 + random(255))
  const offset = random(2) === 0 ? last.length : random(2000)
  await current.handle.write(bytes, offset)
  const next = resized(last, Math.max(last.length, offset + bytes.length))
  next.set(bytes, offset)
  images.push(next)
}

test('whatever is found after a crash is explained by copies of every state', async () => {
  const problems: string[] = []
  const seen = new Map<CrashMode, Set<string>>(CRASH_MODES.map((mode) => [mode, new Set()]))
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed)
    let fs = new MemoryFs()
    await fs.makeDirectory('x')
    await fs.syncDirectory('')
    const [oracle, open]: [Oracle, Open] = [new Oracle(), { current: undefined }]
    for (let step = 0; step < 80; step++) {
      await change(fs, oracle, open, random)
      if (random(40) === 0) {
        fs = fs.kill()
        open.current = undefined
      }
      for (const mode of CRASH_MODES) {
        const files = fs.crashImage(mode, random).snapshotFiles()
        for (const path of new Set([...files.keys(), ...oracle.names.keys()])) {
          const problem = oracle.problem(path, files.get(path), mode)
          if (problem !== undefined) problems.push(`seed ${seed}, step ${step}, ${problem}`)
          seen.get(mode)?.add(`${path} ${files.get(path)?.length}`)
        }
      }
    }
  }
  expect(problems).toEqual([])
  expect([...seen].filter(([, outcomes]) => outcomes.size < 50)).toEqual([])
})
