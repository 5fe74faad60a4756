import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type Environment, type FileSystem, nodeEnvironment, NodeFs, yieldToOthers } from '@meru/fs'
import { sstPath } from '@meru/manifest'
import { Memtable } from '@meru/memtable'
import { type DeadPositions, PageCache, SstReader } from '@meru/sst'
import { carryOver } from './carry-over.ts'
import { loadDeadPositions } from './dead-files.ts'
import { flushMemtable } from './flush.ts'
import { type Answer, type Notice, type Request, type SentFile, sendError } from './job-message.ts'
import { growDead, mergeInput, outputOf } from './job-runner.ts'
import { runMerge } from './merge-job.ts'
import type { MergeInput } from './merge-source.ts'
import { resolveDead, type ResolveTarget } from './resolve.ts'
import { writeRun } from './run-job.ts'
import type { OutputOptions } from './sst-output.ts'
import type { DeadUpdate } from './task.ts'
import { WantedParts } from './wanted-parts.ts'
import { type OpenFile, WorkerFiles } from './worker-files.ts'

/** The worker looks for messages this often, in milliseconds of work. */
const BREATHE_MS = 20
/** Files that a worker keeps open between jobs. */
const FILES_MAX = 256

/** Does what the other thread asks for, for as long as the worker lives. To be called once, by the module of a worker. */
export function serveJobs(): void {
  if (parentPort === null) throw new TypeError('only a worker thread serves jobs')
  yieldToOthers()
  const server = new JobServer(parentPort, (workerData as { root: string }).root)
  parentPort.on('message', (message: Request | Notice) => server.receive(message))
  server.send({ kind: 'ready' })
}

class JobServer {
  private readonly port: MessagePort
  private readonly env: Environment = nodeEnvironment()
  private readonly fs: FileSystem
  private readonly files: WorkerFiles
  private readonly parts: WantedParts
  private last = 0
  private running: AbortController | undefined

  constructor(port: MessagePort, root: string) {
    this.port = port
    this.fs = new NodeFs(root)
    this.files = new WorkerFiles(this.fs, { filesMax: FILES_MAX })
    this.parts = new WantedParts(() => this.send({ kind: 'wanted' }))
  }

  send(answer: Answer, transfer: readonly ArrayBuffer[] = []): void {
    this.port.postMessage(answer, transfer)
  }

  receive(message: Request | Notice): void {
    if (message.kind === 'part') return this.parts.take(message.memtable)
    if (message.kind === 'abort') {
      this.running?.abort()
      return this.parts.take(undefined)
    }
    if (message.kind === 'forget') {
      this.files.forget(message.fileIds).catch(() => undefined)
      return
    }
    this.running = new AbortController()
    const fail = (error: unknown): void => this.send({ kind: 'failed', error: sendError(error) })
    this.work(message, this.running.signal).catch(fail)
  }

  private async work(request: Request, signal: AbortSignal): Promise<void> {
    if (request.kind === 'flush') return this.flush(request)
    if (request.kind === 'merge') return this.merge(request, signal)
    if (request.kind === 'run') return this.run(request, signal)
    const updates = request.kind === 'resolve' ? await this.resolve(request) : await this.carry(request)
    this.send({ kind: 'resolved', updates: updates.map(withoutSet) })
  }

  private async flush(request: Extract<Request, { kind: 'flush' }>): Promise<void> {
    const memtable = Memtable.attach(request.memtable)
    const output = await flushMemtable({ ...request, fs: this.fs, memtable, breathe: () => this.breathe() })
    const { bytes, offsets } = output.keys
    this.send({ kind: 'flushed', output }, [bytes.buffer as ArrayBuffer, offsets.buffer as ArrayBuffer])
  }

  private async merge(request: Extract<Request, { kind: 'merge' }>, signal: AbortSignal): Promise<void> {
    const { table, sharedKeys } = request
    const inputs: (MergeInput & { close: () => Promise<void> })[] = []
    try {
      for (const sent of request.inputs) {
        inputs.push(mergeInput(sent, await openInput(this.fs, table, sent), request))
      }
      const onProgress = (rows: number): void => this.send({ kind: 'progress', rows })
      const breathe = (): Promise<void> => this.breathe()
      const output = this.outputOf(request)
      const keepsLineage = request.lineage !== undefined
      const metas = await runMerge({ inputs, output, breathe, signal, onProgress, sharedKeys, keepsLineage })
      this.send({ kind: 'merged', metas })
    } finally {
      for (const input of inputs) await input.close()
    }
  }

  private async run(request: Extract<Request, { kind: 'run' }>, signal: AbortSignal): Promise<void> {
    const breathe = (): Promise<void> => this.breathe()
    const job = { parts: this.parts, seqno: request.seqno, output: this.outputOf(request), breathe, signal }
    this.send({ kind: 'merged', metas: await writeRun(job) })
  }

  private outputOf(request: Extract<Request, { kind: 'merge' | 'run' }>): OutputOptions {
    return outputOf(this.fs, this.env, request, (path) => this.send({ kind: 'file', path }))
  }

  private async resolve(request: Extract<Request, { kind: 'resolve' }>): Promise<DeadUpdate[]> {
    const { table, keys, targets, puffinId } = request
    const opened = new Map<string, OpenFile>()
    const found = await resolveDead(keys, this.openTargets(table, targets, opened))
    return this.grow({ table, puffinId }, found, opened)
  }

  private async carry(request: Extract<Request, { kind: 'carryOver' }>): Promise<DeadUpdate[]> {
    const { table, puffinId } = request
    const inputs: (MergeInput & { close: () => Promise<void> })[] = []
    const now = new Map<string, DeadPositions | undefined>()
    const opened = new Map<string, OpenFile>()
    try {
      for (const input of request.inputs) {
        inputs.push(await openInput(this.fs, table, input.before))
        const dead = input.now && (await loadDeadPositions(this.fs, table, input.now))
        now.set(input.before.file.id, dead)
      }
      const late = await carryOver(
        inputs,
        (id) => now.get(id),
        this.openTargets(table, request.outputs, opened),
      )
      return await this.grow({ table, puffinId }, late, opened)
    } finally {
      for (const input of inputs) await input.close()
    }
  }

  private async *openTargets(
    table: string,
    targets: readonly SentFile[],
    opened: Map<string, OpenFile>,
  ): AsyncGenerator<ResolveTarget, void, undefined> {
    for (const sent of targets) {
      const open = await this.files.open(table, sent)
      opened.set(sent.file.id, open)
      yield { id: sent.file.id, ...open }
    }
  }

  private async grow(
    target: { table: string; puffinId: string },
    found: Parameters<typeof growDead>[2],
    opened: ReadonlyMap<string, OpenFile>,
  ): Promise<DeadUpdate[]> {
    const updates = await growDead(this.fs, target, found, (id) => {
      const { file, dead } = opened.get(id) as OpenFile
      return { rows: file.rows, dead }
    })
    for (const { id, dead } of updates) if (dead !== undefined) this.files.note(id, target.puffinId, dead)
    return updates
  }

  private async breathe(): Promise<void> {
    if (this.env.elapsed() - this.last < BREATHE_MS) return
    await this.env.yield()
    this.last = this.env.elapsed()
  }
}

/** A set is of no use to another thread: it is small to add to, and large to send. */
function withoutSet({ id, positions, ref }: DeadUpdate): DeadUpdate {
  return { id, positions, ref }
}

async function openInput(
  fs: FileSystem,
  table: string,
  { file, schema }: SentFile,
): Promise<MergeInput & { close: () => Promise<void> }> {
  const path = sstPath(table, file.id)
  const cache = new PageCache({ bytesMax: 0 })
  const reader = await SstReader.open({ fs, path, meta: file, schema, cache })
  const { id, level, rows } = file
  try {
    const dead = await loadDeadPositions(fs, table, file)
    return { id, level, rows, reader, dead, close: () => reader.close() }
  } catch (error) {
    await reader.close()
    throw error
  }
}
