/** What a command may touch of the outside, so that tests can run it in their own process. */
export interface Io {
  /** Results, and nothing else. */
  readonly stdout: Sink
  /** Messages and progress. */
  readonly stderr: Sink
  /** Aborted when the user asks to stop, or when nobody reads the output any more. */
  readonly signal: AbortSignal
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

export interface Sink {
  readonly isTTY: boolean
  readonly columns: number
  /** Resolves when more can be taken, so that a slow reader slows the command instead of filling memory. */
  write(text: string): Promise<void>
}

/** Thrown through a command whose output nobody reads any more, as under `meru scan … | head`. */
export class OutputClosed extends Error {
  override readonly name: string = 'AbortError'
}

/** The process's own streams; the first SIGINT or SIGTERM asks commands to stop, a second one kills. */
export function processIo(): Io {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort(new DOMException('interrupted', 'AbortError')))
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      stop.abort(error.code === 'EPIPE' ? new OutputClosed() : error)
    })
  }
  return {
    stdout: streamSink(process.stdout, stop.signal),
    stderr: streamSink(process.stderr, stop.signal),
    signal: stop.signal,
    now: () => performance.now(),
  }
}

function streamSink(stream: NodeJS.WriteStream, stopped: AbortSignal): Sink {
  return {
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 80
    },
    async write(text) {
      if (!stream.writable || stream.write(text)) return
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stream.off('drain', done)
          stopped.removeEventListener('abort', done)
          resolve()
        }
        stream.once('drain', done)
        stopped.addEventListener('abort', done)
      })
    },
  }
}
