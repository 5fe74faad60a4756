import { CorruptionError } from '@meru/core'
import { writeDurably, type Environment, type FileSystem } from '@meru/fs'
import { z } from 'zod'

/** Tells that a directory is the target of backups. */
const MARKER_FILE = 'BACKUP'

/** What the marker of a backup says. */
export interface BackupMarker {
  /** The manifest that the backup has, and the one that it gets. Another one shows that somebody wrote to it. */
  readonly manifestIds: readonly number[]
}

const markerSchema: z.ZodType<BackupMarker> = z.object({ manifestIds: z.array(z.int()) })

/** The marker of a directory, or `undefined` if it is no backup. */
export async function readMarker(fs: FileSystem): Promise<BackupMarker | undefined> {
  const bytes = await fs.readFile(MARKER_FILE)
  if (bytes === undefined) return undefined
  try {
    return markerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    const advice = 'it is not the marker of a backup; restore it, or start a new backup elsewhere'
    throw new CorruptionError({ file: MARKER_FILE }, advice, { cause: error })
  }
}

/** Throws `CORRUPT` for a directory without a manifest that a backup was begun in: it is no empty database. */
export async function refuseUnfinishedBackup(fs: FileSystem): Promise<void> {
  if ((await fs.size(MARKER_FILE)) === undefined) return
  throw new CorruptionError({ file: MARKER_FILE }, 'the backup here was not finished; make it again')
}

/** Replaces the marker, durably. */
export async function writeMarker(fs: FileSystem, env: Environment, marker: BackupMarker): Promise<void> {
  const temporary = `${MARKER_FILE}.${env.uuid()}.tmp`
  await writeDurably(fs, temporary, new TextEncoder().encode(`${JSON.stringify(marker)}\n`))
  await fs.rename(temporary, MARKER_FILE)
  await fs.syncDirectory('')
}
