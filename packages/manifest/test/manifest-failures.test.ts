import { MeruError } from '@meru/core'
import { errnoError, ioError, MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { applyEdit, emptyState, Manifest } from '../src/index.ts'
import { hookedFs } from './hooked-fs.ts'
import {
  addFile,
  content,
  CREATE_USERS,
  dead,
  removeFile,
  sampleEnvironment,
  setDead,
  sst,
} from './samples.ts'
import { openWriter } from './writer.ts'

const EDITS = [
  { changes: [CREATE_USERS] },
  { changes: [addFile(sst(1))] },
  { changes: [addFile(sst(2)), setDead(1, dead(90, 2))] },
  { changes: [removeFile(1)] },
  { changes: [addFile(sst(3))] },
]

interface Failure {
  /** Which call of the file system fails, from 1. */
  readonly call: number
  readonly errno: 'EIO' | 'ENOSPC'
  /** Whether the call took effect all the same. */
  readonly afterEffect: boolean
}

interface Run {
  /** Contents that were asked for, in order, and how many of them were acknowledged. */
  readonly asked: string[]
  acknowledged: number
  /** Calls of the file system. */
  calls: number
  readonly errors: MeruError[]
}

/** Commits the edits, going on after each failure as long as the manifest lets it. */
async function runScript(memory: MemoryFs, failure: Failure | undefined): Promise<Run> {
  const run: Run = { asked: [content(emptyState())], acknowledged: 1, calls: 0, errors: [] }
  const failNow = (operation: string, path: string): never => {
    // A failed sync leaves pages that look clean but never reach the disk.
    if (operation === 'sync' || operation === 'syncDirectory') memory.loseUnsynced(path)
    throw ioError(operation, path, errnoError(failure?.errno ?? '', 'planned'))
  }
  const fs = hookedFs(
    memory,
    (operation, path) => {
      run.calls++
      if (failure !== undefined && run.calls === failure.call && !failure.afterEffect)
        failNow(operation, path)
    },
    (operation, path) => {
      if (failure !== undefined && run.calls === failure.call && failure.afterEffect) failNow(operation, path)
    },
  )
  try {
    const manifest = await openWriter(fs, { editsPerState: 2 })
    for (let i = 0; i < EDITS.length; i++) await commitOrRetry(manifest, i, run)
    run.calls++
  } catch (error) {
    if (!(error instanceof MeruError)) throw error
    run.errors.push(error)
  }
  return run
}

/** A commit that failed but did not happen is tried again, as after a full disk. */
async function commitOrRetry(manifest: Manifest, index: number, run: Run): Promise<void> {
  run.asked.push(content(applyEdit(manifest.current, EDITS[index])))
  try {
    await manifest.commit(EDITS[index])
  } catch (error) {
    if (!(error instanceof MeruError) || error.code !== 'DISK_FULL') {
      await expect(manifest.commit({ changes: [] })).rejects.toMatchObject({ code: 'POISONED' })
      throw error
    }
    run.errors.push(error)
    await manifest.commit(EDITS[index])
  }
  run.acknowledged = run.asked.length
}

async function expectPromise(fs: MemoryFs, run: Run, where: string): Promise<void> {
  const manifest = await openWriter(fs, { env: sampleEnvironment(900_000), owner: 'next' })
  const version = run.asked.lastIndexOf(content(manifest.current)) + 1
  if (version < run.acknowledged) {
    throw new Error(`${where}: found version ${version}, though ${run.acknowledged} was acknowledged`)
  }
  await manifest.commit({ changes: [{ kind: 'setLastSeqno', seqno: 1000 }] })
  expect((await Manifest.load(fs))?.lastSeqno).toBe(1000)
}

describe('a failure of any one call', () => {
  const failures: readonly [string, Omit<Failure, 'call'>][] = [
    ['before it takes effect', { errno: 'EIO', afterEffect: false }],
    ['after it took effect', { errno: 'EIO', afterEffect: true }],
    ['for want of space', { errno: 'ENOSPC', afterEffect: false }],
    ['for want of space, though it took effect', { errno: 'ENOSPC', afterEffect: true }],
  ]
  test.each(failures)(
    '%s leaves the old version or the new one, and loses no commit',
    async (_what, kind) => {
      const { calls, errors } = await runScript(new MemoryFs(), undefined)
      expect(errors).toEqual([])
      const codes = new Set<string>()
      for (let call = 1; call <= calls; call++) {
        const memory = new MemoryFs()
        const run = await runScript(memory, { call, ...kind })
        for (const { code } of run.errors) codes.add(code)
        await expectPromise(memory.crashImage('drop'), run, `call ${call}, after a crash`)
        await expectPromise(memory.kill(), run, `call ${call}, after the process ended`)
      }
      expect(codes).toEqual(new Set(kind.errno === 'EIO' ? ['IO', 'POISONED'] : ['DISK_FULL', 'POISONED']))
    },
  )
})
