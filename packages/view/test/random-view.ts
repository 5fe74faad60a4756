import { compareKeys } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import type { Random } from '@meru/testkit'
import { TableVersion, type LiveFile, type ReadView } from '../src/index.ts'
import {
  item,
  keyOf,
  memtableOf,
  SampleFiles,
  type FileShape,
  type Item,
  type ItemKey,
  type Write,
} from './sample-table.ts'

/** A view of random parts, and the rows that it must show. */
export interface RandomView {
  readonly view: ReadView
  /** In key order. */
  readonly rows: readonly Item[]
  /** Every key that is or was somewhere, in key order. */
  readonly keys: readonly ItemKey[]
}

const TENANTS = ['', 'a', 'a\u0000', 'ab', 'b']

/**
 * SSTs where each key is live at most once and dead anywhere, below memtables with several versions of
 * keys, some of them above the seqno of the view.
 */
export async function randomView(random: Random): Promise<RandomView> {
  const keys = randomKeys(random)
  const shown = new Map<string, Item>()
  const live = await randomFiles(random, keys, shown)
  const seqnoMax = 10_000 + random.below(60)
  const memtables: Memtable[] = []
  let seqno = 10_000
  for (let n = random.below(4); n > 0; n--) {
    const writes: Write[] = []
    const versions = new Set<string>()
    for (let count = random.below(random.oneIn(3) ? 400 : 30); count > 0; count--) {
      const write = randomWrite(random, keys, (seqno += random.oneIn(9) ? 1 : 0))
      // Versions of a key have different seqnos.
      if (versions.size === versions.add(`${seqno} ${keyText(write)}`).size) continue
      writes.push(write)
      if (seqno > seqnoMax) continue
      if ('put' in write) shown.set(keyText(write), write.put)
      else shown.delete(keyText(write))
    }
    memtables.unshift(memtableOf(writes))
  }
  const rows = keys.flatMap((key) => shown.get(nameOf(key)) ?? [])
  return { view: { memtables, version: new TableVersion(live), seqno: seqnoMax }, rows, keys }
}

function randomKeys(random: Random): ItemKey[] {
  const keys = new Map<string, ItemKey>()
  const count = random.pick([0, 1, 12, 150, 150, 900])
  for (let i = 0; i < count; i++) {
    const key = { tenant: random.pick(TENANTS), id: random.below(2 * count) - count }
    keys.set(nameOf(key), key)
  }
  return [...keys.values()]
    .map((key) => ({ key, bytes: keyOf(key) }))
    .toSorted((a, b) => compareKeys(a.bytes, b.bytes))
    .map(({ key }) => key)
}

/** Files of level 0 and of sorted levels. Notes what is live in `shown`. */
async function randomFiles(
  random: Random,
  keys: readonly ItemKey[],
  shown: Map<string, Item>,
): Promise<LiveFile[]> {
  const shapes: { level: number; keys: readonly ItemKey[] }[] = []
  for (let n = random.below(4); n > 0; n--) shapes.push({ level: 0, keys })
  for (const level of [1, 2, 5]) {
    if (random.oneIn(3)) continue
    for (let from = 0; from < keys.length;) {
      const to = Math.min(keys.length, from + random.between(1, keys.length))
      shapes.push({ level, keys: keys.slice(from, to) })
      from = to + (random.oneIn(2) ? 0 : random.below(5))
    }
  }
  const homes = new Map(keys.map((key) => [nameOf(key), random.below(shapes.length + 1)]))
  const files = new SampleFiles({ cacheBytes: random.pick([0, 4000, 1 << 20]) })
  const live: LiveFile[] = []
  for (const [place, shape] of shapes.entries()) {
    const made = randomRows(random, shape.keys, (key) => homes.get(nameOf(key)) === place)
    if (made.rows.length === 0) continue
    for (const row of made.rows) if (homes.get(nameOf(row)) === place) shown.set(nameOf(row), row)
    live.push(await files.add({ ...made, level: shape.level, seqno: 1 + 1000 * place }))
  }
  return live
}

/** Rows of a file: those that live in it, and some that died. */
function randomRows(
  random: Random,
  keys: readonly ItemKey[],
  livesHere: (key: ItemKey) => boolean,
): Required<Pick<FileShape, 'rows' | 'dead'>> {
  const rows: Item[] = []
  const dead: number[] = []
  const deadShare = random.pick([2, 10, 1_000_000])
  for (const key of keys) {
    const isLive = livesHere(key)
    if (!isLive && !random.oneIn(deadShare)) continue
    if (!isLive) dead.push(rows.length)
    rows.push(randomItem(random, key))
  }
  return { rows, dead }
}

function randomWrite(random: Random, keys: readonly ItemKey[], seqno: number): Write {
  const key = keys.length === 0 ? undefined : random.pick(keys)
  if (key === undefined || random.oneIn(3)) return { seqno, delete: key ?? { tenant: 'x', id: 1 } }
  return { seqno, put: randomItem(random, key) }
}

function randomItem(random: Random, { tenant, id }: ItemKey): Item {
  return { ...item(tenant, id, random.oneIn(4) ? null : `note ${random.below(1000)}`), score: random.float() }
}

function keyText(write: Write): string {
  return nameOf('put' in write ? write.put : write.delete)
}

function nameOf({ tenant, id }: ItemKey): string {
  return `${tenant}/${id}`
}

/** Bounds as a query gives them. */
export interface ItemRange {
  gt?: Partial<ItemKey>
  gte?: Partial<ItemKey>
  lt?: Partial<ItemKey>
  lte?: Partial<ItemKey>
}

/** Bounds that keys of the view meet more often than not; sometimes none, sometimes upside down. */
export function randomRange(random: Random, keys: readonly ItemKey[]): ItemRange {
  const bound = (): Partial<ItemKey> => {
    const key =
      keys.length === 0 || random.oneIn(8) ? { tenant: 'a', id: random.below(50) } : random.pick(keys)
    return random.oneIn(5) ? { tenant: key.tenant } : { tenant: key.tenant, id: key.id }
  }
  const range: ItemRange = {}
  if (random.oneIn(2)) range[random.oneIn(2) ? 'gt' : 'gte'] = bound()
  if (random.oneIn(2)) range[random.oneIn(2) ? 'lt' : 'lte'] = bound()
  return range
}

/** What `range` means, said without encoded keys. */
export function isInRange(key: ItemKey, { gt, gte, lt, lte }: ItemRange): boolean {
  const compare = (bound: Partial<ItemKey>): number => {
    const tenants = Buffer.compare(Buffer.from(key.tenant), Buffer.from(bound.tenant ?? ''))
    return tenants !== 0 || bound.id === undefined ? tenants : key.id - bound.id
  }
  return (
    (gt === undefined || compare(gt) > 0) &&
    (gte === undefined || compare(gte) >= 0) &&
    (lt === undefined || compare(lt) < 0) &&
    (lte === undefined || compare(lte) <= 0)
  )
}
