/**
 * What is wrong with an input. It names neither table nor file: who reads the input adds them. With a line the problem
 * is a sentence about that line, without one it goes on after "the input".
 */
export class InputFault extends Error {
  override readonly name: string = 'InputFault'
  readonly problem: string
  /** Counted from 1. */
  readonly line: number | undefined
  /** The way out, where there is one. */
  readonly hint: string | undefined

  constructor(
    problem: string,
    options: {
      readonly line?: number | undefined
      readonly hint?: string | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(options.line === undefined ? problem : `line ${options.line}: ${problem}`, { cause: options.cause })
    this.problem = problem
    this.line = options.line
    this.hint = options.hint
  }
}
