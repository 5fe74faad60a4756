import { framesMemory, type RowMemory } from './row-page.ts'

/**
 * Memory of caches without files, for the next cache of the same size. V8 does not know how large it is, and would let
 * much of it pile up where databases are opened and closed again and again.
 */
let spares: WeakRef<RowMemory>[] = []
const SPARES_MAX = 8

/** Memory of so many bytes, with anything in it. */
export function takeMemory(bytes: number): RowMemory {
  const at = spares.findIndex((spare) => spare.deref()?.bytes.length === bytes)
  const [found] = at < 0 ? [] : spares.splice(at, 1)
  return found?.deref() ?? framesMemory(bytes)
}

export function giveMemory(memory: RowMemory): void {
  spares = spares.filter((spare) => spare.deref() !== undefined).slice(1 - SPARES_MAX)
  spares.push(new WeakRef(memory))
}
