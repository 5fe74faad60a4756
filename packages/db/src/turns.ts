import { deferred } from './deferred.ts'

/** The place of a held write in the order of its table. */
export interface Turn {
  /** Resolves when every write before this one has entered or failed. */
  readonly before: Promise<void>
  /** To be called once, when this one has. */
  readonly leave: () => void
}

/** Lets writes of one table that were held back go on in the order in which they were asked for. */
export class Turns {
  private last: Promise<void> = Promise.resolve()
  private held = 0

  /** Whether a write is held back, so that later ones must wait behind it. */
  get isTaken(): boolean {
    return this.held > 0
  }

  take(): Turn {
    const before = this.last
    const turn = deferred<void>()
    this.last = turn.promise
    this.held++
    const leave = (): void => {
      this.held--
      turn.resolve()
    }
    return { before, leave }
  }
}
