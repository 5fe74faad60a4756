import { MeruError } from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import {
  checkEpoch,
  checkEpochSync,
  claimEpoch,
  compareWalFloors,
  makeDatabaseDirectories,
  Manifest,
  type Change,
  type DatabaseState,
} from '../src/index.ts'
import { CREATE_USERS, randomFrom, sampleEnvironment, users } from './samples.ts'
import { Scheduler } from './scheduler.ts'

/** What the callers of all writers were told. */
interface Told {
  readonly rows: Set<string>
  /** The version that each manifest id was resolved to. */
  readonly commits: Map<number, DatabaseState>
  opened: number
  fenced: number
}

// A row is a log segment of its own, and a property of the table once it is flushed.
const logName = (epoch: number, segment: number): string => `${epoch}-${segment}`
const setRow = (row: string): Change => ({ kind: 'setProperty', tableId: 1, name: row, value: 'row' })

async function logRows(fs: FileSystem, state: DatabaseState): Promise<string[]> {
  return (await fs.list('wal')).filter((name) => {
    const [epoch, segment] = name.split('-').map(Number)
    return compareWalFloors({ epoch, segment }, state.walFloor) >= 0
  })
}

/** Every row that a writer would find if it opened now. */
async function recoverable(fs: FileSystem): Promise<Set<string>> {
  const state = await Manifest.load(fs)
  if (state === undefined) return new Set()
  const flushed = state.tables.has(1) ? Object.keys(users(state).properties) : []
  return new Set([...flushed, ...(await logRows(fs, state))])
}

async function appendRow(fs: FileSystem, row: string): Promise<void> {
  const handle = await fs.create(`wal/${row}`, { exclusive: true })
  await handle.sync()
  await handle.close()
  await fs.syncDirectory('wal')
}

interface Protocol {
  readonly check: (fs: FileSystem, epoch: number) => Promise<void>
  /** Whether logs are listed after the takeover, as they must be. */
  readonly replayLast: boolean
}

const PROTOCOL: Protocol = { check: checkEpoch, replayLast: true }

/** A writer's life: open, replay, a few writes and flushes. */
async function write(fs: FileSystem, number: number, told: Told, protocol: Protocol): Promise<void> {
  const random = randomFrom(number)
  const env = sampleEnvironment(number * 10_000)
  const early = (await Manifest.load(fs)) ?? { epoch: 0, walFloor: { epoch: 0, segment: 0 } }
  const earlyRows = protocol.replayLast ? [] : await logRows(fs, early as DatabaseState)
  const epoch = await claimEpoch({ fs, env, above: early.epoch })
  const manifest = await Manifest.open({
    fs,
    env,
    epoch,
    owner: `w${number}`,
    editsPerState: 1,
    statesKept: 1,
  })
  told.opened++
  const rows = new Set(protocol.replayLast ? await logRows(fs, manifest.current) : earlyRows)
  for (let segment = 1; segment <= 4; segment++) {
    const row = logName(epoch, segment)
    await appendRow(fs, row)
    rows.add(row)
    await protocol.check(fs, epoch)
    told.rows.add(row)
    if (random(2) === 0) continue
    const state = await manifest.commit((current) => ({
      changes: [
        ...(current.tables.size === 0 ? [CREATE_USERS] : []),
        ...[...rows].map(setRow),
        { kind: 'setWalFloor', floor: { epoch, segment: segment + 1 } },
      ],
    }))
    if (told.commits.has(state.manifestId)) throw new Error(`two commits of manifest ${state.manifestId}`)
    told.commits.set(state.manifestId, state)
    for (const name of await fs.list('wal')) {
      const [logEpoch, logSegment] = name.split('-').map(Number)
      if (compareWalFloors({ epoch: logEpoch, segment: logSegment }, state.walFloor) < 0)
        await fs.remove(`wal/${name}`)
    }
  }
}

/** Runs some writers in an order that the seed decides; throws if an acknowledged row is lost. */
async function runWriters(seed: number, protocol: Protocol): Promise<Told> {
  const memory = new MemoryFs()
  await makeDatabaseDirectories(memory)
  const random = randomFrom(seed)
  const scheduler = new Scheduler(random)
  const told: Told = { rows: new Set(), commits: new Map(), opened: 0, fenced: 0 }
  for (let number = 1; number <= 4; number++) {
    scheduler.add(memory, async (fs) => {
      try {
        await write(fs, seed * 10 + number, told, protocol)
      } catch (error) {
        const code = error instanceof MeruError ? error.code : undefined
        if (code !== 'FENCED' && code !== 'LOCKED') throw error
        told.fenced++
      }
    })
  }
  const expectAllFound = async (fs: FileSystem): Promise<void> => {
    const found = await recoverable(fs)
    const lost = [...told.rows].filter((row) => !found.has(row))
    if (lost.length > 0) throw new Error(`seed ${seed}: lost ${lost.join(', ')}`)
  }
  await scheduler.run(async () => {
    await expectAllFound(memory)
    if (random(8) === 0) await expectAllFound(memory.crashImage('drop'))
  })
  await expectAllFound(memory.crashImage('drop'))
  return told
}

const SEEDS = 250

describe('several writers at once, call by call', () => {
  test.each<[string, Protocol['check']]>([
    ['checkEpoch', checkEpoch],
    ['checkEpochSync', async (fs, epoch) => checkEpochSync(fs, epoch)],
  ])('never lose an acknowledged row or commit, with %s', async (_name, check) => {
    const sum = { rows: 0, commits: 0, opened: 0, fenced: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const told = await runWriters(seed, { check, replayLast: true })
      sum.rows += told.rows.size
      sum.commits += told.commits.size
      sum.opened += told.opened
      sum.fenced += told.fenced
    }
    // Writers must have met, and written, or the test would show little.
    expect(sum.opened).toBeGreaterThan(SEEDS * 1.2)
    expect(sum.fenced).toBeGreaterThan(SEEDS)
    expect(sum.rows).toBeGreaterThan(SEEDS)
    expect(sum.commits).toBeGreaterThan(SEEDS / 2)
  })

  test.each<[string, Protocol]>([
    ['without looking at the epochs', { ...PROTOCOL, check: async () => undefined }],
    ['reading the logs before the claim', { ...PROTOCOL, replayLast: false }],
  ])('lose rows %s', async (_what, protocol) => {
    const lost: unknown[] = []
    for (let seed = 1; seed <= SEEDS && lost.length === 0; seed++) {
      await runWriters(seed, protocol).catch((error: unknown) => lost.push(error))
    }
    expect(lost).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/^seed \d+: lost \d+-\d+/) }),
    ])
  })
})
