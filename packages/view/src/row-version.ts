import { KIND_DELETE, type SeqNo } from '@meru/core'
import { ABSENT, PAGE_MISS } from '@meru/sst'
import type { LiveFile } from './live-file.ts'
import type { ReadView } from './read-view.ts'
import { fileForKey, type TableVersion } from './table-version.ts'

/**
 * The version of the row of a key: the seqno of the put that it is from, `undefined` if there is no row.
 * A promise only if a file has to be asked; its files must be held until then.
 */
export function rowVersion(view: ReadView, key: Uint8Array): SeqNo | undefined | Promise<SeqNo | undefined> {
  for (const memtable of view.memtables) {
    const ref = memtable.find(key, 0, key.length, view.seqno)
    if (ref === 0) continue
    return memtable.kindOf(ref) === KIND_DELETE ? undefined : memtable.seqnoOf(ref)
  }
  const files = candidates(view.version, key)
  return files.length === 0 ? undefined : versionInFiles(files, key)
}

function candidates({ level0, sorted }: TableVersion, key: Uint8Array): LiveFile[] {
  const deeper = sorted.map((level) => fileForKey(level, key, 0, key.length))
  return [...level0, ...deeper].filter((live) => live?.reader.mayContain(key, 0, key.length)) as LiveFile[]
}

async function versionInFiles(files: readonly LiveFile[], key: Uint8Array): Promise<SeqNo | undefined> {
  for (const { reader, dead } of files) {
    const position = await find(reader, key)
    if (position === ABSENT || dead.has(position)) continue
    const { seqnos } = await reader.readRows(position, position + 1, [], { seqnos: true })
    return seqnos?.[0]
  }
  return undefined
}

async function find(reader: LiveFile['reader'], key: Uint8Array): Promise<number> {
  for (let loads = 0; ; loads++) {
    const position = reader.find(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    const load = reader.loadMissing(loads)
    if (load !== undefined) await load
  }
}
