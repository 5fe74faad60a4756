import { createIfAbsent, MemoryFs } from '@meru/fs'
import { FaultyFs, isCrash, Random, TestEnvironment } from '../src/index.ts'

export const outcomes: Set<string> = new Set()
for (let call = 1, isDone = false; !isDone; call++) {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  faulty.crashAt(call)
  try {
    isDone = await createIfAbsent(faulty.fs, new TestEnvironment(), 'a', new Uint8Array(999))
  } catch (error) {
    if (!isCrash(error)) throw error
  }
  const found = await memory.crash('any', new Random(call).below).readFile('a')
  outcomes.add(found === undefined ? 'absent' : `${found.length} bytes`)
}
