import { errnoOf, type FileSystem } from '@meru/fs'
import { InterceptedFs, type Call } from './intercepted-fs.ts'

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/**
 * Writes every call as a line of text, so that a change in what is synced, and when, is seen in review.
 * Unique identifiers are numbered in the order in which they turn up. `fs` is what the code under test is
 * given.
 */
export class TracedFs {
  readonly fs: FileSystem
  readonly #withReads: boolean
  readonly #lines: string[] = []
  readonly #identifiers = new Map<string, string>()

  /** Reads, sizes, listings and closings are traced only on demand: they change nothing. */
  constructor(below: FileSystem, options: { readonly reads: boolean } = { reads: false }) {
    this.#withReads = options.reads
    this.fs = new InterceptedFs(below, {
      around: async (call, run) => {
        const line = this.#begin(call)
        try {
          return await run()
        } catch (error) {
          this.#fail(line, error)
          throw error
        }
      },
      aroundSync: (call, run) => {
        const line = this.#begin(call)
        try {
          return run()
        } catch (error) {
          this.#fail(line, error)
          throw error
        }
      },
    })
  }

  /** Adds a line of the test's own, to show where in the trace something happens. */
  note(text: string): void {
    this.#lines.push(`# ${text}`)
  }

  /** The trace so far, a line for each call, in the order in which they began. */
  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }

  clear(): void {
    this.#lines.length = 0
  }

  #begin(call: Call): number | undefined {
    if (!this.#withReads && !CHANGING.has(call.operation)) return undefined
    const words: string[] = [call.operation, this.#named(call.path)]
    if (call.to !== undefined) words.push('->', this.#named(call.to))
    if (call.offset !== undefined) words.push(`${call.offset}+${call.length}`)
    if (call.exclusive === true) words.push('exclusive')
    return this.#lines.push(words.join(' ')) - 1
  }

  #fail(line: number | undefined, error: unknown): void {
    if (line !== undefined) this.#lines[line] += ` = ${errnoOf(error) ?? 'failed'}`
  }

  #named(path: string): string {
    if (path === '') return '.'
    return path.replace(UUID, (identifier) => {
      const known = this.#identifiers.get(identifier) ?? `<${this.#identifiers.size + 1}>`
      this.#identifiers.set(identifier, known)
      return known
    })
  }
}

const CHANGING: ReadonlySet<Call['operation']> = new Set([
  'create',
  'makeDirectory',
  'link',
  'rename',
  'remove',
  'removeDirectory',
  'syncDirectory',
  'write',
  'sync',
] as const)
