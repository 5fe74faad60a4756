import type { Span } from './spans.ts'

/** What V8's sampling profiler writes for one thread (`--cpu-prof`); times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A place in the tree of calls. */
export interface ProfileNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly children?: readonly number[]
}

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
  readonly columnNumber: number
}

/** The source file of a place in a built one, as `package/file`, or nothing for code that is not ours. */
export type SourceOf = (frame: CallFrame) => string | undefined

/** Where a thread was while an operation was measured. */
export interface Shares {
  /** Time that it did something, in microseconds. */
  readonly busyMicros: number
  /** Of that, by what it did, the largest first. */
  readonly by: readonly { readonly what: string; readonly micros: number }[]
}

const FILE_CALLS: ReadonlySet<string> = new Set([
  ...['open', 'close', 'read', 'writeBuffer', 'writeBuffers', 'fdatasync', 'fsync', 'fstat', 'stat', 'lstat'],
  ...['readdir', 'mkdir', 'rename', 'unlink', 'link', 'rmSync', 'copyFile', 'openFileHandle', 'access'],
])

/** Waiting, and what the benchmark itself does: it is not the engine's work. */
export const NOT_COUNTED: unique symbol = Symbol('not counted')

/**
 * What a sample is of, by the frames from the innermost outwards: a thing that has a name of its own, or
 * else the nearest file of ours, which runs it or has called it.
 */
export function kindOf(stack: readonly CallFrame[], sourceOf: SourceOf): string | typeof NOT_COUNTED {
  const [{ functionName, url }] = stack
  if (functionName === '(idle)') return NOT_COUNTED
  if (functionName === '(garbage collector)') return 'garbage collection'
  for (const frame of stack) {
    const source = sourceOf(frame)
    if (source !== undefined) return ownKindOf(functionName, url) ?? source
    if (frame.url.includes('/bench/src/')) return NOT_COUNTED
  }
  return ownKindOf(functionName, url) ?? 'Node and V8'
}

function ownKindOf(functionName: string, url: string): string | undefined {
  if (functionName === 'crc32') return 'checksums'
  if (url.startsWith('wasm:') || url.startsWith('node:zlib')) return 'zstd'
  if (url !== '') return undefined
  // The handle of node:zlib, whose synchronous forms we call.
  if (functionName === 'writeSync') return 'zstd'
  return FILE_CALLS.has(functionName) ? `file: ${functionName}` : undefined
}

/** Adds up what some threads did from the beginning of the first span to the end of the last. */
export function sharesOf(
  profiles: readonly CpuProfile[],
  spans: readonly Span[],
  sourceOf: SourceOf,
): Shares {
  const by = new Map<string, number>()
  let busyMicros = 0
  const [first] = spans[0]
  const [, last] = spans[spans.length - 1]
  for (const profile of profiles) {
    const kinds = kindsOf(profile, sourceOf)
    let time = profile.startTime
    profile.samples.forEach((node, i) => {
      const from = time
      time += profile.timeDeltas[i]
      const micros = Math.min(time, last) - Math.max(from, first)
      const kind = kinds.get(node)
      if (micros <= 0 || kind === undefined || kind === NOT_COUNTED) return
      busyMicros += micros
      by.set(kind, (by.get(kind) ?? 0) + micros)
    })
  }
  const sorted = [...by].map(([what, micros]) => ({ what, micros })).toSorted((a, b) => b.micros - a.micros)
  return { busyMicros, by: sorted }
}

/** The kind of each node of the tree. */
function kindsOf({ nodes }: CpuProfile, sourceOf: SourceOf): Map<number, string | typeof NOT_COUNTED> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map<number, ProfileNode>()
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)
  const kinds = new Map<number, string | typeof NOT_COUNTED>()
  for (const id of byId.keys()) {
    const stack: CallFrame[] = []
    for (let node = byId.get(id); node !== undefined; node = parents.get(node.id)) stack.push(node.callFrame)
    kinds.set(id, kindOf(stack, sourceOf))
  }
  return kinds
}
