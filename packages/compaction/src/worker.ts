import { parentPort } from 'node:worker_threads'
import { nodeEnvironment, NodeFs } from '@meru/fs'
import { Memtable } from '@meru/memtable'
import { DeadPositions, PageCache, readPuffinBlob, SstReader } from '@meru/sst'
import { type Answer, type Request, sendError } from './job-message.ts'
import { InlineRunner, mergeFilePath } from './job-runner.ts'
import type { MergeInput } from './merge-source.ts'

/** The worker looks for messages this often, in milliseconds of work. */
const BREATHE_MS = 20

const port = parentPort
if (port === null) throw new TypeError('this module is the entry of a worker thread')
const send = (answer: Answer, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(answer, transfer)
const env = nodeEnvironment()
let last = env.elapsed()
let running: AbortController | undefined

port.on('message', (request: Request) => {
  if (request.kind === 'abort') {
    running?.abort()
    return
  }
  running = new AbortController()
  work(request, running.signal).catch((error: unknown) => send({ kind: 'failed', error: sendError(error) }))
})

async function work(request: Exclude<Request, { kind: 'abort' }>, signal: AbortSignal): Promise<void> {
  const fs = new NodeFs(request.root)
  const runner = new InlineRunner({ fs, env, breathe })
  if (request.kind === 'flush') {
    const { id, path, schema, layout } = request
    const output = await runner.flush({
      id,
      path,
      schema,
      layout,
      memtable: Memtable.attach(request.memtable),
    })
    const { bytes, offsets } = output.keys
    send({ kind: 'flushed', output }, [bytes.buffer as ArrayBuffer, offsets.buffer as ArrayBuffer])
    return
  }
  if (request.kind === 'run') {
    const memtable = Memtable.attach(request.memtable)
    send({ kind: 'merged', metas: await runner.writeRun({ ...request, memtable }, { signal }) })
    return
  }
  const inputs: (MergeInput & { close: () => Promise<void> })[] = []
  try {
    for (const sent of request.inputs) inputs.push(await openInput(fs, request, sent))
    const onProgress = (rows: number): void => send({ kind: 'progress', rows })
    const metas = await runner.merge({ ...request, inputs }, { signal, onProgress })
    send({ kind: 'merged', metas })
  } finally {
    for (const input of inputs) await input.close()
  }
}

async function openInput(
  fs: NodeFs,
  request: Extract<Request, { kind: 'merge' }>,
  { meta, level, dead }: Extract<Request, { kind: 'merge' }>['inputs'][number],
): Promise<MergeInput & { close: () => Promise<void> }> {
  const path = mergeFilePath(request.directory, meta.id)
  const cache = new PageCache({ bytesMax: 0 })
  const reader = await SstReader.open({ fs, path, meta, schema: request.schema, cache })
  const positions = dead === undefined ? DeadPositions.empty : readPuffinBlob(dead, path, 0)
  const { id, rows } = meta
  return { id, level, rows, reader, dead: positions, close: () => reader.close() }
}

async function breathe(): Promise<void> {
  if (env.elapsed() - last < BREATHE_MS) return
  await env.yield()
  last = env.elapsed()
}
