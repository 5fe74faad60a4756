/// <reference lib="es2024.arraybuffer" />
/// <reference lib="es2024.sharedmemory" />
const weights = new WeakMap<SharedArrayBuffer, ArrayBuffer>()

/**
 * Tells the collector of this thread what a shared buffer weighs; to be called again when it has grown. It knows the
 * weight of other buffers, and nothing of that of shared ones, which it would leave for minutes after their end. So each
 * has one beside it that is as long as itself. It is never read or written, and resizable: such buffers are pages of
 * their own, which take address space alone, where others may get memory that was used before, and have it cleared.
 */
export function weigh(buffer: SharedArrayBuffer): void {
  const { byteLength, maxByteLength } = buffer
  const weight = weights.get(buffer)
  if (weight === undefined) weights.set(buffer, new ArrayBuffer(byteLength, { maxByteLength }))
  else weight.resize(byteLength)
}
