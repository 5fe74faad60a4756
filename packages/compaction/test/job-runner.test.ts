import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { CorruptionError, MeruError } from '@meru/core'
import { NodeFs } from '@meru/fs'
import { layoutFor } from '@meru/sst'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InlineRunner, WorkerRunner, type JobRunner, type MergeInput, type MergeTask } from '../src/index.ts'
import { receiveError, sendError } from '../src/job-message.ts'
import { WorkerThread } from '../src/worker-thread.ts'
import { items, memtableOf, puts, SampleStore } from './sample-table.ts'

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
    mkdirSync(join(directory, 'data'))
    const fs = new NodeFs(directory)
    store = new SampleStore({ fs })
    const inline = new InlineRunner({ fs, env: store.env, breathe: () => store.env.yield() })
    runner = kind === 'inline' ? inline : new WorkerRunner({ root: directory, mergeThreads: 1 })
  })

  afterEach(async () => {
    await runner.close()
    rmSync(directory, { recursive: true, force: true })
  })

  function merge(inputs: readonly MergeInput[], more: Partial<MergeTask> = {}): MergeTask {
    const { schema } = items
    return { inputs, schema, level: 2, layout: layoutFor(2), fileBytesTarget: 1, directory: 'data', ...more }
  }

  /** The same files in the directory that the runner is told of. */
  async function inData(files: readonly MergeInput[]): Promise<MergeInput[]> {
    for (const { id } of files) await store.fs.rename(`${id}.parquet`, `data/${id}.parquet`)
    return [...files]
  }

  test('flushes', async () => {
    const memtable = memtableOf([...puts(0, 5000), { seqno: 9000, id: 3 }])
    const task = { ...store.newFile(), schema: items.schema, layout: layoutFor(0), memtable }
    const { meta, keys } = await runner.flush(task)
    expect(keys.length).toBe(5000)
    expect(meta).toMatchObject({ id: task.id, rows: 4999, level: 0 })
  })

  test('merges live rows, and tells how many are done', async () => {
    const inputs = await inData([await store.add(0, puts(0, 9000), [0, 8999])])
    let done = 0
    const metas = await runner.merge(merge(inputs), { onProgress: (rows) => (done += rows) })
    expect([metas.length, done]).toEqual([2, 8998])
    expect(metas.map(({ level, minSeqno }) => [level, minSeqno])).toEqual([
      [2, 2],
      [2, 8193],
    ])
  })

  test('an input has the level where it stands now, whatever level it was written for', async () => {
    const [first, moved] = await inData([
      await store.add(1, [...puts(0, 10), ...puts(30, 40)]),
      await store.add(1, puts(10, 20)),
    ])
    const inputs = [first, { ...moved, level: 2 }]
    const [meta] = await runner.merge(merge(inputs, { fileBytesTarget: 1 << 20 }), {})
    expect(meta.rows).toBe(30)
  })

  test('an aborted merge rejects with the reason and leaves no file', async () => {
    const inputs = await inData([await store.add(0, puts(0, 60_000))])
    const controller = new AbortController()
    const reason = new Error('enough')
    const job = runner.merge(merge(inputs), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(job).rejects.toBe(reason)
    expect(readdirSync(join(directory, 'data')).length).toBe(1)
    const late = runner.merge(merge(inputs), { signal: controller.signal })
    await expect(late).rejects.toBe(reason)
  })

  test('an abort after the end of a job does not stop the next one', async () => {
    const inputs = await inData([await store.add(0, puts(0, 40_000))])
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

  test('corruption names the file', async () => {
    const inputs = await inData([await store.add(0, puts(0, 9)), await store.add(0, puts(8, 12))])
    const job = runner.merge(merge(inputs), {})
    await expect(job).rejects.toMatchObject({ code: 'CORRUPT', file: inputs.map(({ id }) => id).join(', ') })
  })
})

describe('a worker that ends by itself', () => {
  const request = { kind: 'merge', root: tmpdir(), inputs: [], schema: items.schema, level: 1 } as const
  const empty = { ...request, layout: layoutFor(1), fileBytesTarget: 1, directory: '.' }
  const workerOf = (thread: WorkerThread): Worker => (thread as unknown as { worker: Worker }).worker

  test('fails its job; the next one gets another worker', async () => {
    const thread = new WorkerThread()
    const job = thread.run(empty, {})
    const first = workerOf(thread)
    await first.terminate()
    await expect(job).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('worker') as string,
    })
    expect(await thread.run(empty, {})).toMatchObject({ kind: 'merged' })
    expect(workerOf(thread)).not.toBe(first)
    expect(thread.load).toBe(0)
    await thread.close()
  })

  test('which its end, told a second time, does not disturb', async () => {
    const thread = new WorkerThread()
    const job = thread.run(empty, {})
    const next = thread.run(empty, {})
    const first = workerOf(thread)
    first.emit('error', new Error('out of memory'))
    await expect(job).rejects.toMatchObject({ code: 'IO' })
    await first.terminate()
    expect(await next).toMatchObject({ kind: 'merged' })
    await thread.close()
  })
})
