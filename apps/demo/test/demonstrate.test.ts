import { open } from '@meru/db'
import { expect, test } from 'vitest'
import { demonstrate } from '../src/demonstrate.ts'
import type { Lane } from '../src/lanes.ts'
import { Reader } from '../src/reader.ts'
import { Clock, Recorder, type Tables } from '../src/recorder.ts'
import { WIDTH } from '../src/report.ts'
import type { HostSample, Sampler } from '../src/sampler.ts'
import { Screen } from '../src/screen.ts'
import { processes, samples } from '../src/tables.ts'
import { scratchDirectory } from './scratch.ts'

async function run(signal: AbortSignal): Promise<{ exitCode: number; text: string }> {
  let text = ''
  const stream = { isTTY: false, write: (part: string) => (text += part) !== '' }
  const screen = new Screen(stream as unknown as NodeJS.WriteStream, {})
  const exitCode = await demonstrate({ path: scratchDirectory(), seconds: 1, signal, screen })
  return { exitCode, text }
}

test('a short demonstration counts the same rows three ways, within 80 columns', async () => {
  const { exitCode, text } = await run(new AbortController().signal)
  expect(text.match(/: equal$/gm)).toHaveLength(2)
  expect(exitCode).toBe(0)
  const wide = text.split('\n').filter((line) => line.length > WIDTH && !line.startsWith('into '))
  expect(wide).toEqual([])
  expect(text).not.toContain('\u001b')
})

test('an interrupted demonstration ends at once and closes the database', async () => {
  await expect(run(AbortSignal.abort())).rejects.toThrow(/abort/)
})

class Script implements Sampler {
  readonly source: string = 'a test'
  readonly #samples: HostSample[]

  constructor(samples: HostSample[]) {
    this.#samples = samples
  }

  sample(): Promise<HostSample> {
    return Promise.resolve(this.#samples.shift() ?? { processes: [], metrics: [] })
  }
}

function processOf(pid: number, cpuSeconds: number): HostSample['processes'][number] {
  const started = new Date(1000)
  return { pid, started, name: `p${pid}`, state: 'S', cpuSeconds, rssBytes: 4096, threads: 1, command: null }
}

async function openTables(): Promise<Tables & AsyncDisposable> {
  const database = await open(scratchDirectory())
  return {
    database,
    processes: await database.table(processes),
    samples: await database.table(samples),
    [Symbol.asyncDispose]: () => database.close(),
  }
}

test('each tick writes the processes that live and deletes those that ended', async () => {
  await using tables = await openTables()
  const metrics = [{ metric: 'load_1m', subject: 'host', value: 1 }]
  const script = new Script([
    { processes: [processOf(1, 0), processOf(2, 0)], metrics },
    { processes: [processOf(2, 0.5), processOf(3, 0)], metrics },
    { processes: [processOf(2, 0.5), processOf(3, 1)], metrics },
  ])
  const recorder = new Recorder(tables, script, new Clock())
  await recorder.tick()
  await recorder.tick()
  expect(await tables.processes.scan().toArray()).toMatchObject([
    { pid: 2, cpu_seconds: 0.5, tick: 2 },
    { pid: 3, tick: 2 },
  ])
  await recorder.tick({ onlyChanged: true })
  expect(await tables.processes.scan().toArray()).toMatchObject([
    { pid: 2, tick: 2 },
    { pid: 3, tick: 3 },
  ])
  expect(recorder.counts).toEqual({ ticks: 3, upserts: 5, deletes: 1, samples: 3 + 2 * 6 })
  expect(await tables.samples.count()).toBe(recorder.counts.samples)
})

test('the reader notices rows that are missing, changed or too many', async () => {
  await using tables = await openTables()
  const recorder = new Recorder(
    tables,
    new Script([{ processes: [processOf(1, 0)], metrics: [] }]),
    new Clock(),
  )
  await recorder.tick()
  const row = { metric: 'm', subject: 's', taken_at: 5n, value: 1 }
  await tables.samples.put(row)
  const check = (lane: Lane): Promise<void> =>
    new Reader(tables, recorder, [lane]).run(AbortSignal.timeout(100))
  await expect(check({ metric: 'm', subject: 's', written: [row] })).resolves.toBeUndefined()
  await expect(check({ metric: 'm', subject: 's', written: [{ ...row, value: 2 }] })).rejects.toThrow(
    /read instead of/,
  )
  await expect(check({ metric: 'm', subject: 's', written: [{ ...row, taken_at: 6n }] })).rejects.toThrow(
    /nothing was read/,
  )
  const later = { ...row, taken_at: 9n }
  await tables.samples.putMany([later, { ...row, taken_at: 7n }])
  const range = check({ metric: 'm', subject: 's', written: [row, later] })
  await expect(range).rejects.toThrow(/3 rows instead of 2/)

  const moment = recorder.moment()
  const reader = new Reader(tables, recorder, [])
  await expect(reader.checkMoment(moment)).resolves.toBeUndefined()
  await expect(reader.checkMoment({ ...moment, model: new Map() })).rejects.toThrow(/1 rows instead of 0/)
  moment.snapshot.close()
})
