import { t, type Column } from '@meru/core'
import type { Random } from './random.ts'

const SCALARS: readonly (() => Column)[] = [
  () => t.boolean(),
  () => t.int(),
  () => t.long(),
  () => t.float(),
  () => t.double(),
  () => t.decimal(7, 2),
  () => t.decimal(18, 4),
  () => t.decimal(30, 5),
  () => t.date(),
  () => t.time(),
  () => t.timestamp(),
  () => t.timestamptz(),
  () => t.timestampNs(),
  () => t.string(),
  () => t.uuid(),
  () => t.fixed(3),
  () => t.binary(),
]
const KEYS: readonly (() => Column)[] = [
  () => t.int(),
  () => t.long(),
  () => t.date(),
  () => t.timestamptz(),
  () => t.string(),
  () => t.uuid(),
  () => t.binary(),
]
const NAMES = ['a', 'b c', 'list', 'element', 'key'] as const

/** A required column of any type, nested at most so deep. */
export function randomColumn(random: Random, depth: number): Column {
  const part = (): Column => {
    const column = randomColumn(random, depth - 1)
    return random.oneIn(2) ? column : column.nullable()
  }
  switch (depth === 0 ? 'scalar' : random.pick(['scalar', 'list', 'map', 'struct', 'struct'] as const)) {
    case 'list':
      return t.list(part())
    case 'map':
      return t.map(random.pick(KEYS)(), part())
    case 'struct': {
      const names = NAMES.slice(0, random.between(1, NAMES.length))
      return t.struct(Object.fromEntries(names.map((name) => [name, part()])))
    }
    default:
      return random.pick(SCALARS)()
  }
}
