import type { SeqNo } from '@meru/core'
import type { Pin } from '@meru/manifest'
import type { Engine } from './engine.ts'

/** A version that holds everything that was written up to a seqno, so that no log is needed beside it. */
export interface WholeVersion {
  readonly pin: Pin
  readonly seqno: SeqNo
}

/**
 * Pins a version that is complete without the log. Writers wait while what they wrote since the last flush is flushed,
 * so flush before, to keep that short.
 */
export async function pinWholeVersion(engine: Engine): Promise<WholeVersion> {
  const { tables, writes, background, versions } = engine
  const turns = [...tables.values()].map((table) => table.order.turns.take())
  try {
    await Promise.all(turns.map((turn) => turn.before))
    for (;;) {
      await writes.settle()
      for (const table of tables.values()) await background.flush(table, { seal: true })
      let whole: WholeVersion | undefined
      await writes.beside(async (next) => {
        const isWhole = [...tables.values()].every((table) => table.unflushedExcept(undefined) === undefined)
        if (isWhole) whole = { pin: versions.pin(), seqno: next - 1 }
        return Promise.resolve(false)
      })
      // Undefined if a write came between all the same, such as one to a table that was made meanwhile.
      if (whole !== undefined) return whole
    }
  } finally {
    for (const turn of turns) turn.leave()
  }
}
