/** Options of a write. */
export interface WriteOptions {
  /**
   * `durable`, the default: resolves when the write survives a crash. `buffered`: resolves when it is
   * applied and visible; a crash may take back the last ones, never one without all later ones.
   */
  readonly durability?: 'durable' | 'buffered' | undefined
}

const NAMES = {
  put: ['durability', 'ifAbsent', 'ifVersion'],
  delete: ['durability', 'ifVersion'],
  batch: ['durability'],
} as const

/** Throws a `TypeError` for an option that a write of this kind does not have: to ignore it could lose data. */
export function checkWriteOptions(kind: keyof typeof NAMES, options: object | undefined): void {
  if (options === undefined) return
  const names: readonly string[] = NAMES[kind]
  for (const name in options) if (!names.includes(name)) throw unknownOption(kind, name)
}

/** Whether the write waits until it survives a crash. */
export function isDurable(options: WriteOptions | undefined): boolean {
  const durability = options?.durability ?? 'durable'
  if (durability === 'durable') return true
  if (durability === 'buffered') return false
  throw new TypeError(`durability is "${String(durability)}"; "durable" or "buffered" expected`)
}

function unknownOption(kind: keyof typeof NAMES, name: string): TypeError {
  const isCondition = kind === 'batch' && (NAMES.put as readonly string[]).includes(name)
  const advice = isCondition
    ? 'put single rows with it, or use a transaction'
    : `it has ${NAMES[kind].join(', ')}`
  return new TypeError(`a ${kind} has no option "${name}"; ${advice}`)
}
