import { MemoryFs } from '@meru/fs'
import { Random, rowsEqual, showValue, TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import {
  MeruError,
  open,
  t,
  table,
  type Database,
  type Settings,
  type TableDefinition,
} from '../src/index.ts'
import { probeOf } from './session.ts'

interface Note {
  id: number
  text: string
  weight: number | null
}

const notes: TableDefinition<
  'notes',
  Note,
  Omit<Note, 'weight'> & { weight?: number | null | undefined },
  number
> = table('notes', { id: t.int(), text: t.string(), weight: t.double().nullable() }, { key: ['id'] })

const SETTINGS: Partial<Settings> = {
  memtableBytesMax: 4096,
  pageCacheBytes: 64 * 1024,
  autoCompaction: false,
  walPreallocate: false,
  manifestEditsPerState: 2,
  layout: {
    level0: { pageRows: 8, rowPageBytes: 64, rowGroupRows: 8 },
    deeper: { pageRows: 8, rowGroupRows: 16 },
  },
}

type Files = Map<string, Uint8Array>

interface Sample {
  /** What is on disk, by path. */
  readonly files: Files
  /** The rows after each batch that the log alone may hold, the last one complete. */
  readonly states: readonly (readonly Note[])[]
}

function openFiles(files: Files, pid: number): Promise<Database> {
  const components = { fs: MemoryFs.from(files), env: new TestEnvironment(), probe: probeOf(pid) }
  return open('memory', { settings: SETTINGS, components })
}

/** A database with files of every kind: two levels, dead positions, a log. */
async function makeSamples(): Promise<{ killed: Sample; closed: Sample }> {
  const fs = new MemoryFs()
  const db = await open('memory', {
    settings: SETTINGS,
    components: { fs, env: new TestEnvironment(), probe: probeOf(1) },
  })
  const into = await db.table(notes)
  const note = (id: number, text: string): Note => ({ id, text, weight: id % 3 === 0 ? null : id / 4 })
  await into.putMany(Array.from({ length: 20 }, (_, id) => note(id, `old ${id}`)))
  await into.compact()
  await into.putMany([4, 5, 6, 30].map((id) => note(id, `new ${id}`)))
  await into.delete(9)
  await into.flush()
  const states = [await into.scan().toArray()]
  for (const id of [2, 32, 33]) {
    await db.batch((batch) => batch.put(into, note(id, 'last')).delete(into, id + 10))
    states.push(await into.scan().toArray())
  }
  const killed = { files: fs.snapshotFiles(), states }
  await db.close()
  return { killed, closed: { files: fs.snapshotFiles(), states: states.slice(-1) } }
}

const { killed, closed } = await makeSamples()

/** What opening and reading damaged files came to. */
type Outcome =
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'right' }
  | { readonly kind: 'prefix'; readonly missing: number; readonly isReported: boolean }

/** Opens and reads in every way. Any answer that is neither right nor a `MeruError` throws. */
async function outcomeOf(files: Files, states: Sample['states']): Promise<Outcome> {
  let db: Database | undefined
  try {
    db = await openFiles(files, 2)
    const from = await db.storedTable('notes')
    if (from === undefined) return { kind: 'prefix', missing: states.length, isReported: false }
    const rows = (await from.scan().toArray()) as unknown as Note[]
    const version = states.findIndex((state) => sameRows(state, rows))
    if (version === -1) throw new Error(`wrong rows: ${showValue(rows)}`)
    if ((await from.count()) !== rows.length) throw new Error('count() differs from the scan')
    for (const id of [-1, 2, 4, 6, 9, 12, 15, 30, 31, 32, 33]) {
      const expected = rows.find((row) => row.id === id)
      const found = [await from.get(id), from.getSync(id)]
      if (!found.every((row) => rowsEqual(row as never, expected as never))) {
        throw new Error(`get(${id}) gave ${showValue(found)}; the scan ${showValue(expected)}`)
      }
    }
    // By statistics, pages are passed over: which, damage must not decide.
    for (const weight of [1, 3, 7.5]) {
      const filtered = await from.scan({ where: { weight: { gte: weight } } }).toArray()
      const expected = rows.filter((row) => row.weight !== null && row.weight >= weight)
      if (!sameRows(filtered as never, expected)) throw new Error(`where gave ${showValue(filtered)}`)
    }
    const backwards = await from.scan({ reverse: true, select: ['id'] }).toArray()
    if (backwards.length !== rows.length) throw new Error('a scan backwards has other rows')
    if (version === states.length - 1) return { kind: 'right' }
    const isReported = db.recovery.tornTail !== undefined
    return { kind: 'prefix', missing: states.length - 1 - version, isReported }
  } catch (error) {
    if (!(error instanceof MeruError)) throw error
    return { kind: 'refused', code: error.code }
  } finally {
    await db?.close().catch((error: unknown) => {
      if (!(error instanceof MeruError)) throw error
    })
  }
}

function sameRows(a: readonly Note[], b: readonly Note[]): boolean {
  return a.length === b.length && a.every((row, index) => rowsEqual(row as never, b[index] as never))
}

const KINDS = {
  wal: /^wal\//,
  manifest: /^manifest\//,
  sst: /\.parquet$/,
  puffin: /\.puffin$/,
  lock: /^LOCK$/,
} as const

function pathsOf(files: Files, kind: keyof typeof KINDS): string[] {
  return [...files.keys()].filter((path) => KINDS[kind].test(path)).toSorted()
}

interface Tally {
  refused: number
  right: number
  prefix: number
  /** Prefixes that `recovery` said nothing of. */
  unreported: number
  codes: Set<string>
}

/** Tries every variant of every file of a kind; names the first that goes wrong. */
async function tally(
  sample: Sample,
  kind: keyof typeof KINDS,
  variants: (bytes: Uint8Array, path: string) => Iterable<readonly [string, Uint8Array | undefined]>,
): Promise<Tally> {
  const sum: Tally = { refused: 0, right: 0, prefix: 0, unreported: 0, codes: new Set() }
  for (const path of pathsOf(sample.files, kind)) {
    for (const [what, bytes] of variants(sample.files.get(path) as Uint8Array, path)) {
      const files = new Map(sample.files)
      if (bytes === undefined) files.delete(path)
      else files.set(path, bytes)
      const outcome = await outcomeOf(files, sample.states).catch((error: unknown) => {
        throw new Error(`${path}: ${what}`, { cause: error })
      })
      sum[outcome.kind]++
      if (outcome.kind === 'refused') sum.codes.add(outcome.code)
      if (outcome.kind === 'prefix' && !outcome.isReported) sum.unreported++
    }
  }
  return sum
}

/** Each byte changed once, by a mask that depends on its place. */
function* flips(bytes: Uint8Array, path: string): Generator<readonly [string, Uint8Array]> {
  const random = new Random(path)
  for (let offset = 0; offset < bytes.length; offset++) {
    const changed = bytes.slice()
    changed[offset] ^= random.between(1, 255)
    yield [`byte ${offset} is ${changed[offset]}`, changed]
  }
}

function* cuts(bytes: Uint8Array): Generator<readonly [string, Uint8Array]> {
  const step = Math.max(1, Math.floor(bytes.length / 40))
  for (let length = 0; length < bytes.length; length += step)
    yield [`cut to ${length} bytes`, bytes.slice(0, length)]
  if (bytes.length > 0) yield ['one byte short', bytes.slice(0, -1)]
}

function* extensions(bytes: Uint8Array): Generator<readonly [string, Uint8Array]> {
  for (const tail of [[0], [255], Array<number>(100).fill(0), Array<number>(100).fill(77)]) {
    yield [`${tail.length} more bytes of ${tail[0]}`, Uint8Array.from([...bytes, ...tail])]
  }
}

function* absence(): Generator<readonly [string, undefined]> {
  yield ['missing', undefined]
}

/** A file of the same kind in its place, as after a mix-up of names. */
function* others(
  sample: Sample,
  kind: keyof typeof KINDS,
  own: string,
): Generator<readonly [string, Uint8Array]> {
  for (const path of pathsOf(sample.files, kind)) {
    if (path !== own) yield [`the bytes of ${path}`, sample.files.get(path) as Uint8Array]
  }
}

const NOTHING_WRONG = { prefix: 0, unreported: 0 }

describe('damaged files give the right rows or an error', () => {
  test('the samples are as described, and whole', async () => {
    expect(await outcomeOf(killed.files, killed.states)).toEqual({ kind: 'right' })
    expect(await outcomeOf(closed.files, closed.states)).toEqual({ kind: 'right' })
    for (const kind of ['wal', 'manifest', 'sst', 'puffin', 'lock'] as const) {
      expect(pathsOf(killed.files, kind), `files of kind ${kind}`).not.toEqual([])
    }
    const db = await openFiles(closed.files, 2)
    const levels = (await db.storedTable('notes'))?.stats().levels
    expect(levels?.map(({ level }) => level)).toEqual([0, 6])
    await db.close()
  })

  test.each(['manifest', 'sst', 'puffin'] as const)(
    'any byte of any %s file',
    { timeout: 120_000 },
    async (kind) => {
      const sum = await tally(closed, kind, flips)
      expect(sum).toMatchObject({ ...NOTHING_WRONG, codes: new Set(['CORRUPT']) })
      // Most bytes matter, and where they do, damage is seen.
      expect(sum.refused).toBeGreaterThan(kind === 'sst' ? 4 * sum.right : 50)
    },
  )

  test('any byte of the log of a closed database, which holds nothing', { timeout: 60_000 }, async () => {
    const sum = await tally(closed, 'wal', flips)
    expect(sum).toMatchObject(NOTHING_WRONG)
    expect(sum.right).toBeGreaterThan(30)
  })

  test(
    'any byte of a log that was not closed; its last group alone may be cut off',
    { timeout: 60_000 },
    async () => {
      const sum = await tally(killed, 'wal', flips)
      expect(sum).toMatchObject({ unreported: 0, codes: new Set(['CORRUPT']) })
      expect(sum.refused).toBeGreaterThan(500)
      const lastGroup = 130
      expect(sum.prefix).toBeLessThan(lastGroup)
    },
  )

  test.each(['manifest', 'sst', 'puffin', 'wal', 'lock'] as const)(
    'a %s file cut short, made longer, or missing',
    { timeout: 60_000 },
    async (kind) => {
      for (const variants of [cuts, extensions, absence]) {
        // A log that was not closed is as a crash leaves it: any length is one it may have had.
        const sample = kind === 'lock' ? killed : closed
        const sum = await tally(sample, kind, variants)
        expect(sum, `${variants.name}`).toMatchObject(NOTHING_WRONG)
        expect(sum.refused + sum.right).toBeGreaterThan(0)
      }
    },
  )

  test(
    'a log that was not closed, cut short: a prefix, and longer: the same',
    { timeout: 60_000 },
    async () => {
      const sum = await tally(killed, 'wal', cuts)
      expect(sum.codes).toEqual(new Set())
      expect(sum.prefix).toBeGreaterThan(10)
      expect(await tally(killed, 'wal', extensions)).toMatchObject(NOTHING_WRONG)
    },
  )

  test('a log that is not there at all is an error, not an empty log', async () => {
    expect(await tally(killed, 'wal', absence)).toMatchObject({ refused: 1, codes: new Set(['CORRUPT']) })
  })

  test('any byte of the lock of a dead writer', async () => {
    const sum = await tally(killed, 'lock', flips)
    expect(sum).toMatchObject({ ...NOTHING_WRONG, codes: new Set(['LOCKED']) })
  })

  test.each(['manifest', 'sst', 'puffin'] as const)(
    'a %s file with the bytes of another one',
    async (kind) => {
      // There is one file of dead positions; the other one is of an earlier moment.
      const from = kind === 'puffin' ? killed : closed
      const sum = await tally(closed, kind, (_, path) => others(from, kind, path))
      expect(sum).toMatchObject({ ...NOTHING_WRONG })
      expect(sum.refused, `${kind}`).toBeGreaterThan(0)
    },
  )

  test.each([
    ['a higher epoch', 'epoch/0000000000000009'],
    ['a name that is no epoch', 'epoch/last'],
    ['a directory entry of some tool', 'manifest/.DS_Store'],
    ['a foreign file among the logs', 'wal/notes.txt'],
    ['a foreign file among the SSTs', 'tables/notes/data/readme.md'],
  ])('%s changes nothing', async (_, path) => {
    const files = new Map([...killed.files, [path, Uint8Array.of(1)] as const])
    expect(await outcomeOf(files, killed.states)).toEqual({ kind: 'right' })
  })

  test('no epoch file, as the epoch in the manifest still fences', async () => {
    const files = new Map([...killed.files].filter(([path]) => !path.startsWith('epoch/')))
    expect(await outcomeOf(files, killed.states)).toEqual({ kind: 'right' })
  })
})
