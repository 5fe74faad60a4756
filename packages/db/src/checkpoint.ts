import { MeruError } from '@meru/core'
import { type FileSystem, NodeFs } from '@meru/fs'
import { type DatabaseState, makeDatabaseDirectories, WAL_DIRECTORY, writeCopiedState } from '@meru/manifest'
import { type Copying, linkOrCopy, makeDirectoriesOf, namedFiles, syncDirectoriesOf } from './copy-files.ts'
import type { Engine } from './engine.ts'
import type { Log } from './log.ts'
import { captureMoment } from './moment.ts'

export interface CheckpointOptions {
  readonly signal?: AbortSignal | undefined
  /** The file system of the target; that of the path without it. */
  readonly fs?: FileSystem | undefined
}

/** What a checkpoint holds. */
export interface CheckpointReport {
  readonly path: string
  readonly files: number
  /** Size of the files; those that are hard links take no room of their own. */
  readonly bytes: number
  /** Every write up to this one is in it. */
  readonly seqno: number
}

/**
 * Makes a second database of the files of this one, as it is now. The manifest comes last, so that a crash leaves a
 * directory that does not open.
 */
export function makeCheckpoint(
  engine: Engine,
  wal: Log,
  path: string,
  options: CheckpointOptions = {},
): Promise<CheckpointReport> {
  checkTarget('checkpoint', path, options, ['signal', 'fs'])
  const target = options.fs ?? new NodeFs(path)
  return engine.tasks.run(options.signal, async (signal) => {
    await requireEmpty(target)
    const { versions, env } = engine
    const copying: Copying = { source: versions.fs, target, env, signal, onBytes: () => undefined }
    await makeDirectoriesOf(target, versions.current)
    await target.makeDirectory(WAL_DIRECTORY)
    const moment = await captureMoment(engine, wal, async (segments) => {
      // Left from an attempt before, whose log was cut meanwhile.
      for (const name of await target.list(WAL_DIRECTORY)) await target.remove(`${WAL_DIRECTORY}/${name}`)
      for (const segment of segments) await linkOrCopy(copying, segment)
    })
    try {
      const { state } = moment
      await makeDirectoriesOf(target, state)
      const files = namedFiles(state)
      for (const file of files) await linkOrCopy(copying, file)
      await syncDirectoriesOf(target, state)
      await finishCopy(engine, target, state)
      const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
      return { path, files: files.length, bytes, seqno: moment.seqno }
    } finally {
      await moment.release()
    }
  })
}

/** With all files in their place and their names durable: makes the directory a database. */
export async function finishCopy(
  { env }: Pick<Engine, 'env'>,
  target: FileSystem,
  state: DatabaseState,
): Promise<void> {
  await makeDatabaseDirectories(target)
  await target.syncDirectory(WAL_DIRECTORY)
  if (await writeCopiedState(target, env, state)) return
  throw new MeruError('INVALID', `${target.root} was opened as a database while it was made`)
}

/** Throws `INVALID` if there is anything in the directory, which is made if need be. */
export async function requireEmpty(target: FileSystem): Promise<void> {
  await target.makeDirectory('')
  const names = await target.list('')
  if (names.length === 0) return
  throw new MeruError(
    'INVALID',
    `${target.root} holds ${names.toSorted()[0]}${names.length > 1 ? ' and more' : ''}; name an empty or a new directory`,
  )
}

/** Throws a `TypeError` for wrong arguments. */
export function checkTarget(method: string, path: string, options: object, known: readonly string[]): void {
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`${method}() needs the path of a directory`)
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new TypeError(`${method}() has no option "${name}"; it has ${known.join(', ')}`)
  }
}
