import { KIND_DELETE, KIND_PUT, type EntryKind } from '@meru/core'
import type { Memtable, MemtableCursor } from '../src/index.ts'

/** One version of a key as text, one character for each byte. */
export interface TextEntry {
  readonly key: string
  readonly value: string
  readonly seqno: number
  readonly kind: EntryKind
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Applies an entry from the middle of an array, as a batch of writes would. */
export function apply(memtable: Memtable, { key, value, seqno, kind }: TextEntry): boolean {
  const bytes = bytesOf(`<<<${key}|${value}>>>`)
  const keyEnd = 3 + key.length
  return memtable.apply(bytes, 3, keyEnd, keyEnd + 1, keyEnd + 1 + value.length, seqno, kind)
}

export function put(
  memtable: Memtable,
  key: string,
  seqno: number,
  value: string = `${key}@${seqno}`,
): boolean {
  return apply(memtable, { key, value, seqno, kind: KIND_PUT })
}

export function remove(memtable: Memtable, key: string, seqno: number): boolean {
  return apply(memtable, { key, value: '', seqno, kind: KIND_DELETE })
}

export function entryAt(memtable: Memtable, ref: number): TextEntry {
  const text = (start: number, end: number): string =>
    String.fromCharCode(...memtable.bytes.subarray(start, end))
  return {
    key: text(memtable.keyStartOf(ref), memtable.keyEndOf(ref)),
    value: text(memtable.valueStartOf(ref), memtable.valueEndOf(ref)),
    seqno: memtable.seqnoOf(ref),
    kind: memtable.kindOf(ref),
  }
}

export function find(memtable: Memtable, key: string, seqnoMax: number = Infinity): TextEntry | undefined {
  const bytes = bytesOf(`${key}!`)
  const ref = memtable.find(bytes, 0, key.length, seqnoMax)
  return ref === 0 ? undefined : entryAt(memtable, ref)
}

/** What a cursor still has to show. */
export function rest(memtable: Memtable, cursor: MemtableCursor): TextEntry[] {
  const entries: TextEntry[] = []
  for (let ref = cursor.next(); ref !== 0; ref = cursor.next()) entries.push(entryAt(memtable, ref))
  return entries
}

export function restKeys(memtable: Memtable, cursor: MemtableCursor): string[] {
  return rest(memtable, cursor).map((entry) => entry.key)
}
