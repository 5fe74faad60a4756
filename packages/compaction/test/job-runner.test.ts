import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { pathToFileURL } from 'node:url'
import { CorruptionError, MeruError, type BytesVector } from '@meru/core'
import { nodeEnvironment, NodeFs } from '@meru/fs'
import { sstPath, type SstFile } from '@meru/manifest'
import type { Memtable } from '@meru/memtable'
import { DeadPositions, layoutFor } from '@meru/sst'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  InlineRunner,
  loadDeadPositions,
  WorkerRunner,
  writeDeadPositions,
  type FlushTask,
  type JobRunner,
  type MergeInput,
  type MergeTask,
  type TaskFile,
} from '../src/index.ts'
import { receiveError, sendError } from '../src/job-message.ts'
import { WorkerThread } from '../src/worker-thread.ts'
import { items, keysOf, memtableOf, puts, SampleStore, type Write } from './sample-table.ts'

describe('errors between threads', () => {
  test.each([
    new MeruError('DISK_FULL', 'write a: no space left'),
    new CorruptionError({ file: 'a/b', offset: 7 }, 'damaged'),
    new CorruptionError({ file: 'a/b' }, 'damaged'),
    new TypeError('no such thing'),
  ])('%s keeps what callers test', (error) => {
    const received = receiveError(structuredClone(sendError(error)))
    expect(received.message).toBe(error.message)
    const { code, file, offset } = error as Partial<CorruptionError>
    expect(received).toMatchObject({
      ...(code && { code }),
      ...(file && { file }),
      ...(offset && { offset }),
    })
    expect(received instanceof CorruptionError).toBe(error instanceof CorruptionError)
    expect(received instanceof MeruError).toBe(error instanceof MeruError)
  })

  test('what was thrown need not be an error', () => {
    expect(receiveError(sendError('oh')).message).toBe('oh')
  })
})

describe.each(['inline', 'worker'])('%s runner', (kind) => {
  let directory = ''
  let store: SampleStore
  let runner: JobRunner

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meru-runner-'))
    mkdirSync(join(directory, DATA), { recursive: true })
    mkdirSync(join(directory, 'tables/t/deletes'))
    store = new SampleStore({ fs: new NodeFs(directory), pathOf: (id) => sstPath('t', id) })
    const inline = new InlineRunner({ fs: store.fs, env: store.env, breathe: () => store.env.yield() })
    runner = kind === 'inline' ? inline : workerRunner(directory, inline)
  })

  afterEach(async () => {
    await runner.close()
    rmSync(directory, { recursive: true, force: true })
  })

  function merge(inputs: readonly TaskFile[], more: Partial<MergeTask> = {}): MergeTask {
    const { schema } = items
    return { table: 't', inputs, schema, level: 2, layout: layoutFor(2), fileBytesTarget: 1, ...more }
  }

  /** A file as a version has it, with these rows dead on disk. */
  async function file(
    level: number,
    writes: readonly Write[],
    dead: readonly number[] = [],
  ): Promise<TaskFile> {
    return stored(store, await store.add(level, writes, dead))
  }

  test('flushes', async () => {
    const memtable = memtableOf([...puts(0, 5000), { seqno: 9000, id: 3 }])
    const task = { ...store.newFile(), schema: items.schema, layout: layoutFor(0), memtable }
    const { meta, keys } = await runner.flush(task)
    expect(keys.length).toBe(5000)
    expect(meta).toMatchObject({ id: task.id, rows: 4999, level: 0 })
  })

  test('merges live rows, and tells how many are done', async () => {
    const inputs = [await file(0, puts(0, 9000), [0, 8999])]
    let done = 0
    const metas = await runner.merge(merge(inputs), { onProgress: (rows) => (done += rows) })
    expect([metas.length, done]).toEqual([2, 8998])
    expect(metas.map(({ level, minSeqno }) => [level, minSeqno])).toEqual([
      [2, 2],
      [2, 8193],
    ])
  })

  test('an input has the level where it stands now, whatever level it was written for', async () => {
    const first = await file(1, [...puts(0, 10), ...puts(30, 40)])
    const moved = await file(1, puts(10, 20))
    const inputs = [first, { ...moved, file: { ...moved.file, level: 2 } }]
    const [meta] = await runner.merge(merge(inputs, { fileBytesTarget: 1 << 20 }), {})
    expect(meta.rows).toBe(30)
  })

  test('an aborted merge rejects with the reason and leaves no file', async () => {
    const inputs = [await file(0, puts(0, 60_000))]
    const controller = new AbortController()
    const reason = new Error('enough')
    const job = runner.merge(merge(inputs), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(job).rejects.toBe(reason)
    expect(readdirSync(join(directory, DATA)).length).toBe(1)
    const late = runner.merge(merge(inputs), { signal: controller.signal })
    await expect(late).rejects.toBe(reason)
  })

  test('an abort after the end of a job does not stop the next one', async () => {
    const inputs = [await file(0, puts(0, 40_000))]
    const controller = new AbortController()
    await runner.merge(merge(inputs), { signal: controller.signal })
    let isAborted = false
    const next = runner.merge(merge(inputs), {
      onProgress: () => {
        if (!isAborted) controller.abort(new Error('too late'))
        isAborted = true
      },
    })
    expect((await next).length).toBe(5)
    expect(isAborted).toBe(true)
  })

  const runTask = { ...merge([]), inputs: undefined, seqno: 0, fileBytesTarget: 1 << 20 }

  test('writes a run of parts that come one by one', async () => {
    let wanted = 0
    async function* parts(): AsyncGenerator<Memtable> {
      for (let from = 0; from < 9000; from += 3000) {
        wanted++
        await store.env.yield()
        yield memtableOf(puts(from, from + 3000))
      }
    }
    const metas = await runner.writeRun({ ...runTask, parts: parts() }, {})
    expect([metas.map(({ rows, level }) => [rows, level]), wanted]).toEqual([[[9000, 2]], 3])
  })

  test('parts that are not in key order are refused, and leave no file', async () => {
    async function* parts(): AsyncGenerator<Memtable> {
      await store.env.yield()
      yield memtableOf(puts(5000, 10_000))
      yield memtableOf(puts(0, 5000))
    }
    await expect(runner.writeRun({ ...runTask, parts: parts() }, {})).rejects.toThrow('is written after')
    expect(readdirSync(join(directory, DATA))).toEqual([])
  })

  test('a source of parts that fails ends the run with its error, and leaves no file', async () => {
    const failure = new Error('no more')
    async function* parts(): AsyncGenerator<Memtable> {
      await store.env.yield()
      yield memtableOf(puts(0, 5000))
      throw failure
    }
    await expect(runner.writeRun({ ...runTask, parts: parts() }, {})).rejects.toBe(failure)
    expect(readdirSync(join(directory, DATA))).toEqual([])
  })

  test('corruption names the file', async () => {
    const inputs = [await file(0, puts(0, 9)), await file(0, puts(8, 12))]
    const job = runner.merge(merge(inputs), {})
    const names = inputs.map((input) => input.file.id).join(', ')
    await expect(job).rejects.toMatchObject({ code: 'CORRUPT', file: names })
  })

  test('resolves keys, writes the grown sets, and goes on from them', async () => {
    const part = await file(1, puts(0, 100), [7])
    const whole = await file(0, puts(200, 203))
    const keys = (): BytesVector => keysOf([3, 7, 200, 201, 202, 999])
    const task = { table: 't', keys: keys(), targets: [whole, part], puffinId: store.env.uuid() }
    const updates = await runner.resolve(task)
    const { puffinId } = task
    expect(updates.map(({ id, positions }) => [id, [...positions]])).toEqual([
      [whole.file.id, [0, 1, 2]],
      [part.file.id, [3]],
    ])
    expect(updates.map(({ ref }) => ref)).toMatchObject([undefined, { file: puffinId, cardinality: 2 }])
    runner.forget([whole.file.id])
    const grown = { ...part, file: { ...part.file, dead: updates[1].ref } } as TaskFile
    expect([...(await deadOf(store, grown))]).toEqual([3, 7])
    const next = { ...grown, dead: DeadPositions.of([3, 7]) }
    expect(
      await runner.resolve({ ...task, keys: keys(), targets: [next], puffinId: store.env.uuid() }),
    ).toEqual([])
    // The commit of the set that it wrote last may have failed: what the version names counts.
    const again = await runner.resolve({ ...task, keys: keys(), targets: [part], puffinId: store.env.uuid() })
    expect(again.map(({ positions }) => [...positions])).toEqual([[3]])
  })

  test('carries over what died meanwhile', async () => {
    const before = await file(1, puts(0, 50), [1])
    const gone = await file(1, puts(50, 60))
    const metas = await runner.merge(merge([before, gone], { fileBytesTarget: 1 << 20 }), {})
    const outputs = await Promise.all(metas.map(async (meta) => stored(store, await store.open(meta))))
    const late = {
      id: before.file.id,
      level: 1,
      rows: 50,
      reader: before.reader,
      dead: DeadPositions.of([1, 30]),
    }
    const now = await stored(store, late)
    const inputs = [
      { before, now },
      { before: gone, now: undefined },
    ]
    const updates = await runner.carryOver({ table: 't', inputs, outputs, puffinId: store.env.uuid() })
    expect(updates.map(({ id, positions }) => [id, [...positions]])).toEqual([
      [metas[0].id, [29, ...Array.from({ length: 10 }, (_, i) => 49 + i)]],
    ])
  })
})

describe('a run on another thread', () => {
  test('that waits for a part ends when it is called off, and leaves no file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'meru-run-'))
    mkdirSync(join(directory, DATA), { recursive: true })
    const runner = workerRunner(directory, failing)
    const controller = new AbortController()
    const reason = new Error('enough')
    async function* parts(): AsyncGenerator<Memtable> {
      yield memtableOf(puts(0, 5000))
      controller.abort(reason)
      await new Promise(() => undefined)
    }
    const settings = { table: 't', schema: items.schema, level: 1, layout: layoutFor(1), seqno: 0 }
    const task = { ...settings, fileBytesTarget: 1 << 20, parts: parts() }
    await expect(runner.writeRun(task, { signal: controller.signal })).rejects.toBe(reason)
    expect(readdirSync(join(directory, DATA))).toEqual([])
    await runner.close()
    rmSync(directory, { recursive: true, force: true })
  })
})

describe('a worker that ends by itself', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meru-thread-'))
    mkdirSync(join(directory, DATA), { recursive: true })
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const empty = { kind: 'merge', table: 't', inputs: [], schema: items.schema, level: 1 } as const
  const request = { ...empty, layout: layoutFor(1), fileBytesTarget: 1 }
  const threadOf = (): WorkerThread =>
    new WorkerThread({ entry: ENTRY, root: directory, env: nodeEnvironment() })
  const workerOf = (thread: WorkerThread): Worker =>
    (thread as unknown as { worker: { thread: Worker } }).worker.thread
  const ready = async (thread: WorkerThread): Promise<void> => void (await thread.run(request, {}))

  test('fails its job; the next one gets another worker', async () => {
    const thread = threadOf()
    await ready(thread)
    const job = thread.run(request, {})
    const first = workerOf(thread)
    await first.terminate()
    await expect(job).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('worker') as string,
    })
    expect(await thread.run(request, {})).toMatchObject({ kind: 'merged' })
    expect(workerOf(thread)).not.toBe(first)
    expect(thread.load).toBe(0)
    await thread.close()
  })

  test('started before its first job, does that one', async () => {
    const thread = threadOf()
    thread.prepare()
    const prepared = workerOf(thread)
    thread.prepare()
    expect(workerOf(thread)).toBe(prepared)
    await ready(thread)
    expect(workerOf(thread)).toBe(prepared)
    await thread.close()
  })

  test('that cannot be started before its first job, tells the job', async () => {
    for (const entry of [undefined, pathToFileURL(join(directory, 'missing.js'))]) {
      const thread = new WorkerThread({ entry, root: directory, env: nodeEnvironment() })
      thread.prepare()
      await expect(thread.run(request, {})).rejects.toMatchObject({ name: 'ThreadUnavailable' })
      await thread.close()
    }
  })

  test('which its end, told a second time, does not disturb', async () => {
    const thread = threadOf()
    await ready(thread)
    const job = thread.run(request, {})
    const next = thread.run(request, {})
    const first = workerOf(thread)
    first.emit('error', new Error('out of memory'))
    await expect(job).rejects.toMatchObject({ code: 'IO' })
    await first.terminate()
    expect(await next).toMatchObject({ kind: 'merged' })
    await thread.close()
  })

  test('leaves none of the files of its merge behind', async () => {
    const store = new SampleStore({ fs: new NodeFs(directory), pathOf: (id) => sstPath('t', id) })
    const input = await stored(store, await store.add(0, puts(0, 60_000)))
    const runner = workerRunner(directory, failing)
    const control = {
      onProgress: (): void => {
        const { mergers } = runner as unknown as { mergers: WorkerThread[] }
        void workerOf(mergers[0]).terminate()
      },
    }
    await expect(runner.merge({ ...request, inputs: [input], level: 2 }, control)).rejects.toMatchObject({
      code: 'IO',
    })
    expect(readdirSync(join(directory, DATA))).toEqual([`${input.file.id}.parquet`])
    await runner.close()
  })

  test('a job that cannot be sent fails alone', async () => {
    const thread = threadOf()
    const unsendable = { ...request, schema: { ...items.schema, oops: () => 1 } } as never
    await expect(thread.run(unsendable, {})).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('sent') as string,
    })
    expect(await thread.run(request, {})).toMatchObject({ kind: 'merged' })
    await thread.close()
  })
})

describe('where no worker can be started', () => {
  const memtable = memtableOf(puts(0, 10))
  const entries: Record<string, URL | undefined> = {
    'the module is missing': pathToFileURL(join(tmpdir(), 'there-is-no-such-module.js')),
    'the module fails': new URL('data:text/javascript,throw new Error("no")'),
    'the module is not ours and ends': new URL('data:text/javascript,'),
    'the module is not ours and stays': new URL('data:text/javascript,setInterval(() => {}, 1000)'),
  }

  test.each(Object.entries(entries))('because %s, the work is done without', async (_, entry) => {
    const reasons: Error[] = []
    const store = new SampleStore()
    const fallback = new InlineRunner({ fs: store.fs, env: store.env, breathe: () => store.env.yield() })
    const real = nodeEnvironment()
    const env = { after: (milliseconds: number, task: () => void) => real.after(milliseconds / 100, task) }
    const onUnavailable = (error: Error): void => void reasons.push(error)
    const runner = new WorkerRunner({
      root: tmpdir(),
      threads: 1,
      fs: store.fs,
      env,
      entry,
      fallback,
      onUnavailable,
    })
    const task = (): FlushTask => ({
      ...store.newFile(),
      schema: items.schema,
      layout: layoutFor(0),
      memtable,
    })
    const outputs = await Promise.all([runner.flush(task()), runner.flush(task())])
    expect(outputs.map(({ meta }) => meta?.rows)).toEqual([10, 10])
    const { keys } = await runner.flush(task())
    expect(await runner.resolve({ table: 't', keys, targets: [], puffinId: store.env.uuid() })).toEqual([])
    expect(reasons).toHaveLength(1)
    expect(String(reasons[0])).toContain('worker thread')
    await runner.close()
  })
})

const DATA = 'tables/t/data'
const ENTRY = new URL('../src/meru-worker.ts', import.meta.url)
const failing = new Proxy({} as JobRunner, { get: () => () => Promise.reject(new Error('no fallback')) })

function workerRunner(root: string, fallback: JobRunner): WorkerRunner {
  const onUnavailable = (error: Error): void => {
    throw error
  }
  const env = nodeEnvironment()
  return new WorkerRunner({ root, threads: 1, fs: new NodeFs(root), env, fallback, onUnavailable })
}

/** As a version has it: dead rows are on disk too. */
async function stored(store: SampleStore, input: MergeInput): Promise<TaskFile> {
  const { id, reader, dead } = input
  const file: SstFile = { ...reader.meta, level: input.level }
  if (dead.cardinality === 0) return { file, schema: items.schema, reader, dead }
  await store.fs.makeDirectory('tables/t/deletes')
  const [ref] = await writeDeadPositions(store.fs, { table: 't', puffinId: store.env.uuid() }, [
    { id, rows: input.rows, dead },
  ])
  return { file: { ...file, ...(ref && { dead: ref }) }, schema: items.schema, reader, dead }
}

async function deadOf(store: SampleStore, { file }: TaskFile): Promise<number[]> {
  const positions: number[] = []
  const dead = await loadDeadPositions(store.fs, 't', file)
  dead.forEach((position) => positions.push(position))
  return positions
}
