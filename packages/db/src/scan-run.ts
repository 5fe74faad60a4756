import type { Pin } from '@meru/manifest'
import type { ReadView } from '@meru/view'
import { checkOpen, type Engine } from './engine.ts'
import { SCAN_UNITS } from './turn-share.ts'

/** Where a run gets its pieces: at once where nothing has to be waited for. */
export interface Pieces<Piece> {
  /** True once nothing follows. */
  readonly isDone: boolean
  /** Rows given so far. */
  readonly taken: number
  next(): Piece | undefined | Promise<Piece | undefined>
  close(): void
}

/** What a run has to let go of, once it has begun. */
interface Hold {
  release(): void
}

/** Runs that are neither finished nor left: they let go when nobody can reach them any more. */
const abandoned = new FinalizationRegistry<Hold>((hold) => hold.release())

export interface ScanRunOptions<Piece> {
  readonly engine: Engine
  /** The view that the run reads, with its files held. */
  readonly hold: () => { view: ReadView; pin: Pin }
  readonly pieces: (view: ReadView) => Pieces<Piece>
  readonly signal: AbortSignal | undefined
}

/**
 * One run of a scan, from its first piece to its end. It holds the files of its moment from the first piece on, and lets
 * go of them at the end, at an error, when it is closed, and when it is forgotten.
 */
export class ScanRun<Piece> {
  private readonly options: ScanRunOptions<Piece>
  private pieces: Pieces<Piece> | undefined
  private held: Hold | undefined
  private isClosed = false
  /** Rows given that count as work of the turn. */
  private spent = 0

  constructor(options: ScanRunOptions<Piece>) {
    this.options = options
  }

  /** The next piece, or `undefined` at the end; a promise only where something is waited for. */
  next(): Piece | undefined | Promise<Piece | undefined> {
    if (this.isClosed) return undefined
    try {
      checkOpen(this.options.engine)
      const pieces = this.pieces ?? this.begin()
      const turn = this.options.engine.turns.due()
      const piece = turn === undefined ? pieces.next() : this.after(turn, pieces)
      if (piece instanceof Promise) {
        this.watch()
        return this.wait(piece)
      }
      this.settle(piece)
      return piece
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Lets go at once, whatever is under way; no piece comes any more. */
  close(): void {
    this.isClosed = true
    this.pieces?.close()
    this.pieces = undefined
    const { held } = this
    this.held = undefined
    if (held === undefined) return
    abandoned.unregister(held)
    held.release()
  }

  private begin(): Pieces<Piece> {
    const { engine, hold } = this.options
    const { view, pin } = hold()
    const { versions } = engine
    this.held = { release: () => versions.release(pin) }
    engine.turns.spend(SCAN_UNITS)
    this.pieces = this.options.pieces(view)
    return this.pieces
  }

  private async after(turn: Promise<void>, pieces: Pieces<Piece>): Promise<Piece | undefined> {
    await turn
    return this.isClosed ? undefined : pieces.next()
  }

  private settle(piece: Piece | undefined): void {
    const taken = this.pieces?.taken ?? this.spent
    this.options.engine.turns.spend(taken - this.spent)
    this.spent = taken
    if (piece === undefined || this.pieces?.isDone === true) this.close()
    else this.watch()
  }

  /** From the moment that somebody else has the turn, the run may be forgotten. */
  private watch(): void {
    const { held } = this
    if (held === undefined || watched.has(held)) return
    watched.add(held)
    abandoned.register(this, held, held)
  }

  /** Waits for a piece, no longer than until the signal is aborted. */
  private async wait(piece: Promise<Piece | undefined>): Promise<Piece | undefined> {
    const { signal } = this.options
    try {
      const value = signal === undefined ? await piece : await untilAborted(piece, signal)
      if (this.isClosed) return undefined
      this.settle(value)
      return value
    } catch (error) {
      this.close()
      throw error
    }
  }
}

const watched = new WeakSet<Hold>()

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
