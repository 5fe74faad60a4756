import type { Span } from './spans.ts'

/** What V8's sampling profiler writes for one thread (`--cpu-prof`); times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
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

/** What a sample is of; nothing if the thread waited. */
export function kindOf(frame: CallFrame, sourceOf: SourceOf): string | undefined {
  const { functionName, url } = frame
  if (functionName === '(idle)') return undefined
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (url.startsWith('wasm:')) return 'zstd'
  if (functionName === 'crc32') return 'checksums'
  const source = sourceOf(frame)
  if (source !== undefined) return source
  if (url === '' && FILE_CALLS.has(functionName)) return `file: ${functionName}`
  // The handle of node:zlib, whose synchronous forms we call.
  if (url === '' && functionName === 'writeSync') return 'zstd'
  if (url.startsWith('node:zlib')) return 'zstd'
  if (url.includes('/bench/src/')) return 'the benchmark'
  return 'Node and V8'
}

/** Adds up what some threads did within spans, which ascend and do not overlap. */
export function sharesOf(
  profiles: readonly CpuProfile[],
  spans: readonly Span[],
  sourceOf: SourceOf,
): Shares {
  const by = new Map<string, number>()
  let busyMicros = 0
  for (const profile of profiles) {
    const kinds = new Map(profile.nodes.map(({ id, callFrame }) => [id, kindOf(callFrame, sourceOf)]))
    let time = profile.startTime
    let at = 0
    profile.samples.forEach((node, i) => {
      const from = time
      time += profile.timeDeltas[i]
      while (at < spans.length && spans[at][1] <= from) at++
      const kind = kinds.get(node)
      if (kind === undefined) return
      const micros = overlap(from, time, spans, at)
      if (micros === 0) return
      busyMicros += micros
      by.set(kind, (by.get(kind) ?? 0) + micros)
    })
  }
  const sorted = [...by].map(([what, micros]) => ({ what, micros })).toSorted((a, b) => b.micros - a.micros)
  return { busyMicros, by: sorted }
}

function overlap(from: number, to: number, spans: readonly Span[], first: number): number {
  let sum = 0
  for (let at = first; at < spans.length && spans[at][0] < to; at++) {
    sum += Math.max(0, Math.min(to, spans[at][1]) - Math.max(from, spans[at][0]))
  }
  return sum
}
