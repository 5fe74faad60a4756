import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { open, verify } from '../src/index.ts'
import { BUFFERED, left, type Mark, PAIRED, right, SETTINGS, SINGLE, WINDOW, WRITERS } from './kill-tables.ts'

const KILLS = Number(process.env['MERU_KILLS'] ?? 20)
const SEED = Number(process.env['MERU_SEED'] ?? Date.now())
const CHILD = fileURLToPath(new URL('kill-child.ts', import.meta.url))
/** Every so often the process dies while it opens, which means: while it recovers. */
const OPENING_ODDS = 4
const PATIENCE_MS = 30_000

/** A writing process, and the counters that it said are durable. */
class Writer {
  readonly acknowledged: number[] = WRITERS.map(() => 0)
  errors = ''
  readonly #process: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #lines: Set<string> = new Set()
  #tell: () => void = () => undefined

  constructor(directory: string) {
    this.#process = spawn(process.execPath, ['--conditions=@meru/source', CHILD, directory], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#process, 'close')
    let rest = ''
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#read(line)
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.#process.once('exit', () => this.#tell())
  }

  /** Waits for the first line that begins so. Throws if the process ends before, or hangs. */
  async until(beginning: string): Promise<void> {
    const isThere = (): boolean => [...this.#lines].some((line) => line.startsWith(beginning))
    const timer = setTimeout(() => this.#tell(), PATIENCE_MS)
    const begun = performance.now()
    while (!isThere()) {
      const isOver = this.#process.exitCode !== null || performance.now() - begun >= PATIENCE_MS
      if (isOver)
        throw new Error(
          `"${beginning}" does not come; there are ${[...this.#lines].join(', ')}\n${this.errors}`,
        )
      await new Promise<void>((resolve) => (this.#tell = resolve))
    }
    clearTimeout(timer)
  }

  /** Kills it if it is still alive, and reads what is left in the pipe. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#closed
  }

  #read(line: string): void {
    const [writer, n] = line.split(' ').map(Number)
    if (Number.isNaN(writer)) this.#lines.add(line)
    else {
      this.acknowledged[writer] = n
      this.#lines.add('acknowledged')
    }
    this.#tell()
  }
}

/** The rows of one writer in counter order. */
function marksOf(rows: readonly Mark[], writer: number): Mark[] {
  return rows.filter((row) => row.writer === writer)
}

/** Counters without a gap from `first` on. */
function expectUnbroken(rows: readonly Mark[], what: string): void {
  rows.forEach((row, index) => expect(row.n, `${what}: row ${index}`).toBe(rows[0].n + index))
}

/** What must hold however the process died. Returns the highest counter of each writer. */
function check(one: readonly Mark[], two: readonly Mark[], acknowledged: readonly number[]): number[] {
  const found = WRITERS.map((writer) => marksOf(one, writer).at(-1)?.n ?? 0)
  for (const writer of WRITERS) {
    const rows = marksOf(one, writer)
    expectUnbroken(rows, `writer ${writer}`)
    expect(found[writer], `writer ${writer} was told of ${acknowledged[writer]}`).toBeGreaterThanOrEqual(
      acknowledged[writer],
    )
    // What was visible before its last write began came before that, so it must not be missing now.
    const seen = rows.at(-1)?.seen.split(' ').map(Number) ?? []
    for (const [other, n] of seen.entries()) {
      expect(found[other], `writer ${other}, seen by ${writer}`).toBeGreaterThanOrEqual(n)
    }
  }
  for (const writer of [...SINGLE, ...BUFFERED]) {
    expect(marksOf(one, writer)[0]?.n ?? 1, `first row of writer ${writer}`).toBe(1)
  }
  for (const writer of PAIRED) {
    expect(marksOf(two, writer), `batches of writer ${writer}`).toEqual(marksOf(one, writer))
    expect(marksOf(one, writer)).toHaveLength(Math.min(WINDOW, found[writer]))
  }
  return found
}

describe('a process that is killed while it writes', () => {
  test(
    `loses nothing that it acknowledged (${KILLS} kills, MERU_SEED=${SEED})`,
    { timeout: 30_000 + KILLS * 5000 },
    async () => {
      const random = new Random(SEED)
      const directory = await mkdtemp(path.join(tmpdir(), 'meru-kill-'))
      let durable = WRITERS.map(() => 0)
      let [replayed, exported] = [0, 0]
      try {
        for (let round = 0; round < KILLS; round++) {
          const writer = new Writer(directory)
          const isOpening = round > 0 && random.oneIn(OPENING_ODDS)
          await writer.until(isOpening ? 'opening' : 'acknowledged')
          const delay = isOpening ? random.below(150) : random.between(5, 300)
          await new Promise((resolve) => setTimeout(resolve, delay))
          await writer.kill()
          expect(writer.errors, `round ${round}`).toBe('')
          const acknowledged = durable.map((n, index) => Math.max(n, writer.acknowledged[index]))
          const problems = (await verify(directory)).problems
          expect(problems, `round ${round}`).toEqual([])
          await using db = await open(directory, { settings: { ...SETTINGS, workers: 0 } })
          replayed += db.recovery.rows
          const one = await db.table(left)
          const two = await db.table(right)
          const rows = await one.scan().toArray()
          durable = check(rows, await two.scan().toArray(), acknowledged)
          expect(await one.count()).toBe(rows.length)
          exported += (await one.exportIceberg()).liveRows === rows.length ? 1 : 0
        }
        expect(exported).toBe(KILLS)
        // The test would prove nothing about recovery if there had been nothing to recover.
        expect(replayed).toBeGreaterThan(KILLS)
        for (const writer of WRITERS) expect(durable[writer], `writer ${writer}`).toBeGreaterThan(KILLS)
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  )
})
