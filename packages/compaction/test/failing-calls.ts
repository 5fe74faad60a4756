import { MemoryFs, type FileSystem } from '@meru/fs'
import { FaultyFs } from '@meru/testkit'

/** What became of one attempt. */
export interface Attempt {
  /** The operation that was made to fail. */
  readonly operation: string
  /** Its error, as the caller got it: the code, and the first word of the message. */
  readonly told: string
  /** Names in the directory afterwards. */
  readonly left: readonly string[]
}

/**
 * Makes the first call of some work fail, then the second and so on, until the work is done without meeting
 * the failure. With `lasting` every later call fails too. Each attempt begins with the same files; `sound` is
 * the way to them that works.
 */
export async function attemptsWithFailures(
  lasting: boolean,
  work: (failing: FileSystem, sound: FileSystem) => Promise<unknown>,
  files: MemoryFs = new MemoryFs(),
): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (let planned = 1; ; planned++) {
    const memory = MemoryFs.from(files.snapshotFiles())
    const faulty = new FaultyFs(memory)
    let operation = ''
    faulty.inject((call) => {
      if (lasting ? call.number < planned : call.number !== planned) return undefined
      if (operation === '') operation = call.operation
      return { errno: 'EIO' }
    })
    try {
      await work(faulty.fs, memory)
      return attempts
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      attempts.push({ operation, told: `${code} ${message.split(' ')[0]}`, left: await memory.list('') })
    }
  }
}
