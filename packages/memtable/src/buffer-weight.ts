/// <reference lib="es2024.sharedmemory" />
interface Weight {
  bytes: number
  readonly buffers: ArrayBuffer[]
}

const weights = new WeakMap<SharedArrayBuffer, Weight>()

/**
 * Tells the collector of this thread what a shared buffer weighs; to be called again when it has grown. It knows the
 * weight of other buffers, and nothing of that of shared ones, which it would leave for minutes after their end. So each
 * has buffers beside it, together as long as itself. They are never read or written: they take address space alone.
 */
export function weigh(buffer: SharedArrayBuffer): void {
  const weight = weights.get(buffer) ?? { bytes: 0, buffers: [] }
  weight.buffers.push(new ArrayBuffer(buffer.byteLength - weight.bytes))
  weight.bytes = buffer.byteLength
  weights.set(buffer, weight)
}
