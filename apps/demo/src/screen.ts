/** Where the demo prints: colours and a moving line on a terminal, plain lines elsewhere. */
export class Screen {
  readonly #stream: NodeJS.WriteStream
  readonly #isTTY: boolean
  readonly #hasColour: boolean
  #drawn = 0
  #isProgressShown = false

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream
    this.#isTTY = stream.isTTY === true
    this.#hasColour = this.#isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  }

  line(text = ''): void {
    this.#clear()
    this.#stream.write(`${text}\n`)
  }

  heading(text: string): void {
    this.line()
    this.line(this.#paint('1', text))
  }

  dim(text: string): void {
    this.line(this.#paint('2', text))
  }

  verdict(text: string, { isGood }: { readonly isGood: boolean }): void {
    this.line(this.#paint(isGood ? '32' : '31', text))
  }

  /** Redrawn in place on a terminal; elsewhere a line now and then. */
  progress(text: string): void {
    const now = performance.now()
    if (now - this.#drawn < (this.#isTTY ? 100 : 2000)) return
    this.#drawn = now
    if (!this.#isTTY) {
      this.#stream.write(`${text}\n`)
      return
    }
    this.#isProgressShown = true
    this.#stream.write(`\r\u001b[K${text}`)
  }

  #clear(): void {
    if (this.#isProgressShown) this.#stream.write('\r\u001b[K')
    this.#isProgressShown = false
  }

  #paint(code: string, text: string): string {
    return this.#hasColour ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}
