import type { MeruError } from '@meru/core'
import type { Wal } from '@meru/wal'

/** What the engine asks of its log. */
export type Log = Pick<Wal, 'append' | 'commit' | 'position' | 'rotate' | 'removeBefore' | 'close'>

/** The log of a database that is open for reading: there is none to write to. */
export function refusedLog(refusal: MeruError): Log {
  const refuse = (): Promise<never> => Promise.reject(refusal)
  return {
    append: () => {
      throw refusal
    },
    commit: refuse,
    rotate: refuse,
    removeBefore: refuse,
    close: () => Promise.resolve(),
    position: { epoch: 0, segment: 0, offset: 0 },
  }
}
