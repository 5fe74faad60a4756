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

/** Row `id` in its `revision`; the same on every call. */
export function rowOf(id: number, revision = 0): Row {
  const random = randomOf(id * 31 + revision * 7919 + 1)
  let payload = ''
  while (payload.length < 80) payload += `${WORDS[random() % WORDS.length]} `
  payload += random().toString(16).padStart(8, '0')
  return {
    id,
    user: `user-${(random() % USERS).toString().padStart(11, '0')}`,
    score: (random() % 1_000_000) / 1000,
    payload,
  }
}

/** Ids 0 … rows − 1 in an order that looks random and repeats nothing. `rows` must not divide by 7919. */
export function shuffled(rows: number): Uint32Array {
  const ids = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) ids[i] = i
  const random = randomOf(rows)
  for (let i = rows - 1; i > 0; i--) {
    const j = random() % (i + 1)
    const held = ids[i]
    ids[i] = ids[j]
    ids[j] = held
  }
  return ids
}

/** Ids of which a few come most of the time: Zipf's law with exponent 0.99, by rejection-free inversion. */
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
