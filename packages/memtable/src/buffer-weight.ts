/// <reference lib="es2024.arraybuffer" />
/// <reference lib="es2024.sharedmemory" />
interface Weight {
  bytes: number
  readonly buffers: ArrayBuffer[]
}

const weights = new WeakMap<SharedArrayBuffer, Weight>()

/** Mappings of a process are few: what an idle memtable weighs is left to the allocator. */
const SMALL_BYTES = 256 * 1024

/**
 * Tells the collector of this thread what a shared buffer weighs; to be called again when it has grown. It knows the
 * weight of other buffers, and nothing of that of shared ones, which it would leave for minutes after their end. So each
 * has buffers beside it, together as long as itself. They are never read or written, and take address space alone.
 */
export function weigh(buffer: SharedArrayBuffer): void {
  const weight = weights.get(buffer) ?? { bytes: 0, buffers: [] }
  weight.buffers.push(untouched(buffer.byteLength - weight.bytes))
  weight.bytes = buffer.byteLength
  weights.set(buffer, weight)
}

/** Resizable buffers are a mapping of their own; others may get memory that was used before, and have it cleared. */
function untouched(bytes: number): ArrayBuffer {
  return bytes <= SMALL_BYTES ? new ArrayBuffer(bytes) : new ArrayBuffer(bytes, { maxByteLength: bytes })
}
