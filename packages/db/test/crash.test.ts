import { MemoryFs, type CrashMode } from '@meru/fs'
import {
  describeCall,
  FaultyFs,
  isWrite,
  ModelSession,
  Random,
  randomOperations,
  TEST_TABLES,
  TestEnvironment,
  ONLY_WRITES,
  writesOf,
} from '@meru/testkit'
import type { DatabaseOperation, Row } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { open, type Database, type Table } from '../src/index.ts'
import {
  type Both,
  type ConcurrentOperation,
  ConcurrentOperations,
  fill,
  isConcurrent,
  remembers,
} from './concurrent-operations.ts'
import { TINY } from './fixture.ts'
import { probeOf } from './session.ts'

const MODES: readonly CrashMode[] = ['drop', 'sectors', 'torn']

interface Script {
  readonly name: string
  readonly operations: readonly DatabaseOperation[]
}

/** More of what changes something, less of what only reads. */
const TRANSACTIONS = {
  remember: 8,
  putIf: 10,
  deleteIf: 4,
  begin: 12,
  inTransaction: 40,
  commit: 12,
  commitAll: 3,
}

const SCRIPTS: readonly Script[] = [
  {
    name: 'writes of all kinds',
    operations: scriptOf(1, 32, { flush: 0, compact: 0, export: 0, reopen: 0 }),
  },
  {
    name: 'writes and flushes',
    operations: scriptOf(2, 30, { flush: 12, compact: 0, export: 0, reopen: 0 }),
  },
  { name: 'compactions', operations: scriptOf(3, 24, { flush: 8, compact: 8, export: 0, reopen: 0 }) },
  { name: 'reopening', operations: scriptOf(4, 16, { flush: 4, compact: 0, export: 0, reopen: 12 }) },
  { name: 'loads', operations: scriptOf(6, 18, { ingest: 30, flush: 6, compact: 6, export: 0, reopen: 2 }) },
  {
    name: 'transactions',
    operations: scriptOf(8, 44, {
      ...TRANSACTIONS,
      flush: 2,
      compact: 1,
      export: 0,
      reopen: 0.3,
      putMany: 5,
      batch: 5,
    }),
  },
  { name: 'exports', operations: scriptOf(5, 16, { flush: 4, compact: 4, export: 10, reopen: 2 }) },
]

function scriptOf(
  seed: number,
  count: number,
  weights: Parameters<typeof randomOperations>[2],
): DatabaseOperation[] {
  const operations = randomOperations(new Random(seed), count, {
    ...ONLY_WRITES,
    ingest: 0,
    checkpoint: 0,
    putMany: 20,
    batch: 20,
    ...weights,
  })
  return operations.filter((operation) => operation.do !== 'export' || operation.table !== 'moments')
}

/** The model does it first: a crash may keep what nobody was told of. */
async function performConcurrently(
  concurrent: ConcurrentOperations,
  both: Both,
  operation: ConcurrentOperation,
): Promise<void> {
  const isRemembered = remembers(both.model, operation)
  const expected = both.model.apply(operation)
  expect(await concurrent.perform(both, operation, isRemembered)).toEqual(expected)
}

/** What the disk would hold if the power failed right before a call. */
interface Moment {
  readonly call: string
  readonly images: readonly (readonly [CrashMode, MemoryFs])[]
  /** The version that was acknowledged as durable by then. */
  readonly durable: number
}

/** Runs a script once, and takes the images that a crash at each of its calls would leave. */
async function run(script: Script): Promise<{ model: ModelSession; moments: Moment[] }> {
  const model = new ModelSession()
  const env = new TestEnvironment({ seed: 7 })
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  const moments: Moment[] = []
  let durable = 0
  faulty.inject((call) => {
    const random = new Random(call.number)
    const images = MODES.map(
      (mode) => [mode, memory.crashImage(mode, (bound) => random.below(bound))] as const,
    )
    moments.push({ call: describeCall(call), images, durable })
    return undefined
  })
  const concurrent = new ConcurrentOperations()
  let lives = 0
  let tables = new Map<string, Table>()
  const start = async (): Promise<Database> => {
    const components = { fs: faulty.fs, env, probe: probeOf(++lives) }
    const opened = await open('memory', { settings: TINY, components })
    tables = new Map()
    for (const definition of TEST_TABLES)
      tables.set(definition.name, (await opened.table(definition)) as Table)
    return opened
  }
  let db = await env.until(start())
  const step = async (operation: DatabaseOperation): Promise<void> => {
    if (operation.do === 'reopen') {
      await concurrent.abandon()
      model.apply(operation)
      await db.close()
      db = await start()
    } else if (operation.do === 'flush') await tables.get(operation.table)?.flush()
    else if (operation.do === 'compact') await tables.get(operation.table)?.compact()
    else if (operation.do === 'export') await tables.get(operation.table)?.exportIceberg()
    else if (operation.do === 'ingest') {
      model.model.commit(writesOf(operation))
      await tables.get(operation.table)?.ingest(operation.rows)
      durable = model.model.version
    } else if (isConcurrent(operation)) {
      await performConcurrently(concurrent, { db, tables, model }, operation)
      durable = Math.max(durable, model.durable)
    } else if (isWrite(operation)) {
      const writes = writesOf(operation)
      const { durability } = operation
      // The model knows of it before it is asked for: a crash may keep a write that nobody was told of.
      model.model.commit(writes)
      await db.batch((batch) => fill(batch, tables, writes), { durability })
      if (durability === 'durable') durable = model.model.version
    }
  }
  for (const operation of script.operations) await env.until(step(operation))
  await env.until(concurrent.abandon())
  await env.until(db.close())
  return { model, moments }
}

/** Reopens what the crash left and returns every row. */
async function recover(fs: MemoryFs): Promise<Map<string, readonly Row[]>> {
  const env = new TestEnvironment({ seed: 8 })
  const db = await env.until(
    open('memory', { settings: TINY, components: { fs, env, probe: probeOf(1_000_000) } }),
  )
  const state = new Map<string, readonly Row[]>()
  for (const definition of TEST_TABLES) {
    const table = (await env.until(db.table(definition))) as Table
    const rows = (await env.until(table.scan().toArray())) as Row[]
    await env.until(table.flush())
    if (table.stats().liveRows !== rows.length)
      throw new Error(`${definition.name}: rows − dead rows is not the count`)
    state.set(definition.name, rows)
  }
  await env.until(db.close())
  return state
}

describe('a crash at any call of a script', () => {
  test.each(SCRIPTS)(
    'leaves a prefix with every acknowledged write: $name',
    { timeout: 300_000 },
    async (script) => {
      const { model, moments } = await run(script)
      expect(moments.length).toBeGreaterThan(50)
      expect(moments.at(-1)?.durable).toBeGreaterThan(3)
      for (const { call, images, durable } of moments) {
        for (const [mode, image] of images) {
          const found = await recover(image)
          if (model.model.prefixOf(found, durable) !== undefined) continue
          const differences = model.model.differences(found, durable).slice(0, 8)
          expect.fail(
            `${mode} at ${call}: no version from ${durable} on; to that one differ\n${differences.join('\n')}`,
          )
        }
      }
    },
  )
})
