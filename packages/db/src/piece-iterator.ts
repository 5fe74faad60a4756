/** Hands pieces over one by one. */
export interface PieceSource<Piece> {
  next(): Piece | undefined | Promise<Piece | undefined>
  close(): void
}

/** Takes pieces apart into what is iterated; waits only where the source does. */
export class PieceIterator<Piece, Item> implements AsyncIterableIterator<Item> {
  readonly #source: PieceSource<Piece>
  readonly #itemsOf: (piece: Piece) => readonly Item[]
  #items: readonly Item[] = []
  #index = 0
  /** Set while a piece is awaited: whoever asks meanwhile waits for it, and then for the next one. */
  #loading: Promise<void> | undefined

  constructor(source: PieceSource<Piece>, itemsOf: (piece: Piece) => readonly Item[]) {
    this.#source = source
    this.#itemsOf = itemsOf
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Item>> {
    if (this.#index < this.#items.length && this.#loading === undefined) {
      return Promise.resolve({ value: this.#items[this.#index++], done: false })
    }
    if (this.#loading !== undefined) return this.#track(this.#loading.then(() => this.#advance()))
    try {
      const result = this.#advance()
      return result instanceof Promise ? this.#track(result) : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Leaves the scan; it lets go at once. */
  return(): Promise<IteratorResult<Item>> {
    this.#items = []
    this.#index = 0
    this.#source.close()
    return Promise.resolve({ value: undefined, done: true })
  }

  #advance(): IteratorResult<Item> | Promise<IteratorResult<Item>> {
    if (this.#index < this.#items.length) return { value: this.#items[this.#index++], done: false }
    const piece = this.#source.next()
    return piece instanceof Promise ? piece.then((loaded) => this.#take(loaded)) : this.#take(piece)
  }

  #take(piece: Piece | undefined): IteratorResult<Item> {
    if (piece === undefined) return { value: undefined, done: true }
    this.#items = this.#itemsOf(piece)
    this.#index = 1
    return { value: this.#items[0], done: false }
  }

  #track(result: Promise<IteratorResult<Item>>): Promise<IteratorResult<Item>> {
    const loading: Promise<void> = result.then(
      () => this.#loaded(loading),
      () => this.#loaded(loading),
    )
    this.#loading = loading
    return result
  }

  #loaded(loading: Promise<void>): void {
    if (this.#loading === loading) this.#loading = undefined
  }
}
