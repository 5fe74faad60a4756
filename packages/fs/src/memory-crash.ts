import { MemoryDirectory, type MemoryNode } from './memory-directory.ts'
import { forEachSector, MemoryFile, SECTOR_BYTES, type Survival } from './memory-file.ts'

/**
 * What is found after the power failed, of that which was not durable:
 * - `drop`: nothing, neither bytes nor names.
 * - `sectors`: all names, and of each file's unsynced bytes a random choice of sectors and a random length.
 * - `torn`: all names and bytes, but each file's last unsynced write is cut at a sector boundary.
 * - `names`: each change of a name by itself or not, at random; no bytes.
 * - `grown`: all names and lengths, with zeros where the unsynced bytes would be.
 * - `any`: each change of a name by itself or not; each file in one of the ways above, or whole.
 */
export type CrashMode = 'drop' | 'sectors' | 'torn' | 'names' | 'grown' | 'any'

export const CRASH_MODES: readonly CrashMode[] = ['drop', 'sectors', 'torn', 'names', 'grown', 'any']

/** A random integer in [0, bound). */
export type RandomBelow = (bound: number) => number

type Fate = 'drop' | 'sectors' | 'torn' | 'grown' | 'keep'

const FATES: readonly Fate[] = ['drop', 'sectors', 'torn', 'grown', 'keep']

/** A durable copy of a tree as a crash would leave it. The tree itself is not changed. */
export function crashImage(tree: MemoryDirectory, mode: CrashMode, random: RandomBelow): MemoryDirectory {
  const images = new Map<MemoryFile, MemoryFile>()

  const survives = (): boolean => {
    if (mode === 'drop') return false
    return mode === 'names' || mode === 'any' ? random(2) === 1 : true
  }
  const fate = (): Fate => {
    if (mode === 'any') return FATES[random(FATES.length)]
    return mode === 'names' ? 'drop' : mode
  }
  const imageOfFile = (file: MemoryFile): MemoryFile => {
    const known = images.get(file)
    if (known !== undefined) return known
    const image = file.image(survivalOf(file, fate(), random))
    images.set(file, image)
    return image
  }
  const imageOf = (node: MemoryNode): MemoryNode =>
    node instanceof MemoryFile ? imageOfFile(node) : imageOfDirectory(node)

  const imageOfDirectory = (directory: MemoryDirectory): MemoryDirectory => {
    const names = directory.survivors(survives)
    for (const [name, node] of names) names.set(name, imageOf(node))
    return new MemoryDirectory(names)
  }
  return imageOfDirectory(tree)
}

function survivalOf(file: MemoryFile, fate: Fate, random: RandomBelow): Survival {
  const all = file.changes.length
  switch (fate) {
    case 'drop':
      return { changesIn: () => 0, length: file.lengthAfter(0) }
    case 'keep':
      return { changesIn: () => all, length: file.lengthAfter(all) }
    case 'grown':
      return { changesIn: () => 0, length: file.length }
    case 'torn':
      return tornSurvival(file, random)
    case 'sectors':
      return sectorSurvival(file, random)
  }
}

function tornSurvival(file: MemoryFile, random: RandomBelow): Survival {
  const all = file.changes.length
  const last = file.changes.at(-1)
  if (last === undefined) return { changesIn: () => 0, length: file.lengthAfter(0) }
  const firstBoundary = Math.floor(last.start / SECTOR_BYTES) + 1
  const boundaries = Math.max(0, Math.ceil(last.end / SECTOR_BYTES) - firstBoundary)
  const chosen = random(boundaries + 1)
  const lengthBefore = file.lengthAfter(all - 1)
  if (chosen === 0) return { changesIn: () => all - 1, length: lengthBefore }
  const cut = firstBoundary + chosen - 1
  const isGrowing = file.length > lengthBefore
  return {
    changesIn: (sector) => (sector < cut ? all : all - 1),
    length: isGrowing ? Math.max(lengthBefore, cut * SECTOR_BYTES) : file.length,
  }
}

function sectorSurvival(file: MemoryFile, random: RandomBelow): Survival {
  const all = file.changes.length
  if (all === 0) return { changesIn: () => 0, length: file.lengthAfter(0) }
  const touching = new Map<number, number[]>()
  file.changes.forEach((change, index) => {
    forEachSector(change, (sector) => {
      const indexes = touching.get(sector)
      if (indexes === undefined) touching.set(sector, [index])
      else indexes.push(index)
    })
  })
  const seen = new Map<number, number>()
  for (const [sector, indexes] of touching) {
    const kept = random(indexes.length + 1)
    seen.set(sector, kept === indexes.length ? all : indexes[kept])
  }
  const length = random(2) === 0 ? file.length : file.lengthAfter(random(all + 1))
  return { changesIn: (sector) => seen.get(sector) ?? all, length }
}
