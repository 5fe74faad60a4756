/** The row that every engine stores, about 140 bytes. */
export interface Row {
  id: number
  user: string
  score: number
  payload: string
}

const USERS = 50_000
const WORDS = [
  'agent',
  'memory',
  'session',
  'state',
  'audit',
  'feature',
  'store',
  'series',
  'event',
  'token',
  'cache',
  'index',
]

/** Three words and three spaces, each way: drawing them at once makes rows cheap. */
const TRIPLES = WORDS.flatMap((a) => WORDS.flatMap((b) => WORDS.map((c) => `${a} ${b} ${c} `)))

const USER_NAMES = Array.from({ length: USERS }, (_, user) => `user-${user.toString().padStart(11, '0')}`)

const PAYLOAD_WORDS_BYTES = 80

/** Row n has the key n · KEY_STEP, so that there are keys between the rows for which there is none. */
export const KEY_STEP = 2

/** A generator of 32-bit numbers from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** Row `n` in its `revision`; the same on every call, and in `merutable/src/rows.rs`. */
export function rowOf(n: number, revision = 0): Row {
  const random = randomOf(n * 31 + revision * 7919 + 1)
  let payload = ''
  while (payload.length < PAYLOAD_WORDS_BYTES) payload += TRIPLES[random() % TRIPLES.length]
  payload += (random() + 0x100000000).toString(16).slice(1)
  const user = USER_NAMES[random() % USERS]
  return { id: n * KEY_STEP, user, score: (random() % 1_000_000) / 1000, payload }
}

/** What a row holds without any encoding: two 8-byte numbers and its characters. */
export function bytesOf(row: Row): number {
  return 16 + row.user.length + row.payload.length
}

/** 0 … rows − 1 in an order that looks random and repeats nothing. */
export function shuffled(rows: number, seed: number = rows): Uint32Array {
  const ids = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) ids[i] = i
  const random = randomOf(seed)
  for (let i = rows - 1; i > 0; i--) {
    const j = random() % (i + 1)
    const held = ids[i]
    ids[i] = ids[j]
    ids[j] = held
  }
  return ids
}

/** Rows of which a few come most of the time: Zipf's law with exponent 0.99, by rejection-free inversion. */
export function zipf(rows: number, count: number): Uint32Array {
  const random = randomOf(17)
  const places = shuffled(rows)
  const ids = new Uint32Array(count)
  const exponent = 1 - 0.99
  const top = rows ** exponent - 1
  for (let i = 0; i < count; i++) {
    const u = random() / 4294967296
    const rank = Math.min(rows - 1, Math.floor((u * top + 1) ** (1 / exponent)) - 1)
    ids[i] = places[Math.max(0, rank)]
  }
  return ids
}

/** Rows in batches, made when asked for. `pause` is called before and its result after making one. */
export function* batchesOf(
  numbers: Iterable<number>,
  options: { readonly size: number; readonly revision: number; readonly pause?: () => () => void },
): Generator<Row[]> {
  let resume = options.pause?.()
  let rows: Row[] = []
  for (const n of numbers) {
    rows.push(rowOf(n, options.revision))
    if (rows.length < options.size) continue
    resume?.()
    yield rows
    resume = options.pause?.()
    rows = []
  }
  resume?.()
  if (rows.length > 0) yield rows
}

/** The numbers from `from` up to, not including, `to`. */
export function* range(from: number, to: number): Generator<number> {
  for (let n = from; n < to; n++) yield n
}
