import type { EntryArena } from './entry-arena.ts'

/** Sorts `refs[0 .. count)`, holders of distinct keys, by key. */
export function sortHolders(arena: EntryArena, refs: Int32Array, count: number): void {
  refs.subarray(0, count).sort((a, b) => arena.compareHolders(a, b))
}
