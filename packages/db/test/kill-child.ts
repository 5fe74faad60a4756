import { writeSync } from 'node:fs'
import process from 'node:process'
import { open, type Table } from '../src/index.ts'
import { BUFFERED, BURST, left, type Mark, PAIRED, right, SETTINGS, SINGLE, WINDOW } from './kill-tables.ts'

// Writes until it is killed. Every line on standard output says `writer n`: acknowledged as durable.

/** Never notified: waiting on it passes time. */
const clock = new Int32Array(new SharedArrayBuffer(4))

type MarkTable = Table<Mark, Mark, Pick<Mark, 'writer' | 'n'>>

/** Leaves the process before it returns, so that no acknowledgement dies with the process. */
function report(line: string): void {
  for (let left = Buffer.from(`${line}\n`); left.length > 0;) left = left.subarray(written(left))
}

/** How many bytes the pipe took; none while it is full because its reader is slow. */
function written(bytes: Uint8Array): number {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    Atomics.wait(clock, 0, 0, 1)
    return 0
  }
}

report('opening')
const db = await open(process.argv[2], { settings: SETTINGS })
const one = await db.table(left)
const two = await db.table(right)

/** The highest counter of each writer whose write is visible. */
const seen: number[] = []
for (const writer of [...SINGLE, ...BUFFERED, ...PAIRED]) seen[writer] = await highest(one, writer)
report('opened')

async function highest(table: MarkTable, writer: number): Promise<number> {
  return (await table.scan({ prefix: { writer }, reverse: true, limit: 1 }).first())?.n ?? 0
}

function mark(writer: number, n: number): Mark {
  return { writer, n, seen: seen.join(' ') }
}

async function single(writer: number): Promise<never> {
  for (let n = seen[writer] + 1; ; n++) {
    await one.put(mark(writer, n))
    seen[writer] = n
    report(`${writer} ${n}`)
  }
}

async function buffered(writer: number): Promise<never> {
  for (let n = seen[writer] + 1; ; n++) {
    const handle = one.put(mark(writer, n), { durability: 'buffered' })
    await handle
    seen[writer] = n
    if (n % BURST !== 0) continue
    await handle.durable
    report(`${writer} ${n}`)
  }
}

async function paired(writer: number): Promise<never> {
  for (let n = seen[writer] + 1; ; n++) {
    await db.batch((batch) => {
      batch.put(one, mark(writer, n)).put(two, mark(writer, n))
      batch.delete(one, { writer, n: n - WINDOW }).delete(two, { writer, n: n - WINDOW })
    })
    seen[writer] = n
    report(`${writer} ${n}`)
  }
}

async function maintain(work: () => Promise<unknown>): Promise<never> {
  for (;;) {
    await work()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

await Promise.race([
  ...SINGLE.map(single),
  ...BUFFERED.map(buffered),
  ...PAIRED.map(paired),
  maintain(() => one.flush()),
  maintain(() => two.compact()),
  maintain(() => one.exportIceberg()),
  maintain(() => two.exportIceberg()),
])
