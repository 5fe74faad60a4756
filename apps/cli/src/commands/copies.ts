import { open, restore, type BackupProgress, type Database } from '@meru/db'
import type { Arguments, Command } from '../command.ts'
import { checkDatabase, withDatabase } from '../database.ts'
import { EXIT, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { Progress } from '../progress.ts'
import { countOf, formatBytes, formatDuration } from '../quantity.ts'

export const checkpointCommand: Command = {
  name: 'checkpoint',
  summary: 'make a second database of the files of one, by hard links where it can be',
  positionals: ['database', 'directory'],
  options: {},
  notes: [
    'The directory must be new or empty. It opens as a database, and takes hardly any room while both are alike.',
  ],
  examples: ['meru checkpoint db before-migration'],
  run: runCheckpoint,
}

export const backupCommand: Command = {
  name: 'backup',
  summary: 'copy a database, or bring an earlier copy up to date',
  positionals: ['database', 'directory'],
  options: {},
  notes: [
    'The directory must be new, empty, or that of the last backup: then only new files are copied, and until the end the last backup stays as it was. Each file is checked against its hash.',
    'A backup opens as a database; "meru restore" copies it first, so that it stays a backup.',
  ],
  examples: ['meru backup db /mnt/backups/db', 'meru verify /mnt/backups/db'],
  run: runBackup,
}

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'copy a backup to a new directory, checking every file',
  positionals: ['backup', 'directory'],
  options: {},
  notes: ['The directory must be new or empty. The backup is not changed.'],
  examples: ['meru restore /mnt/backups/db db'],
  run: runRestore,
}

async function runCheckpoint(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, directory] = args.positionals
  return timed(args, io, () =>
    withDatabase(path, io, (database) => database.checkpoint(directory, { signal: io.signal })),
  )
}

async function runBackup(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, directory] = args.positionals
  const progress = new CopyProgress(args, io)
  return timed(args, io, async () => {
    const run = (database: Database): ReturnType<Database['backup']> =>
      database.backup(directory, { signal: io.signal, onProgress: (at) => progress.show(at) })
    const report = await withDatabase(path, io, run)
    await progress.clear()
    return report
  })
}

async function runRestore(args: Arguments, io: Io): Promise<ExitCode> {
  const [backup, directory] = args.positionals
  await checkDatabase(backup)
  const progress = new CopyProgress(args, io)
  return timed(args, io, async () => {
    const options = { signal: io.signal, onProgress: (at: BackupProgress): void => progress.show(at) }
    const { filesTotal, bytesTotal } = await restore(backup, directory, options)
    await progress.clear()
    // Says at once whether it is a database.
    await (await open(directory, { readOnly: true })).close()
    return { path: directory, files: filesTotal, bytes: bytesTotal }
  })
}

class CopyProgress {
  readonly #progress: Progress
  #hasBegun = false

  constructor(args: Arguments, io: Io) {
    this.#progress = new Progress(io, { enabled: !args.has('quiet') })
  }

  show({ bytesDone, bytesTotal }: BackupProgress): void {
    if (!this.#hasBegun) this.#progress.begin({ label: 'copying', total: bytesTotal, unit: 'bytes' })
    this.#hasBegun = true
    void this.#progress.update(bytesDone, bytesDone)
  }

  async clear(): Promise<void> {
    await this.#progress.clear()
  }
}

interface CopyReport {
  readonly path: string
  readonly files: number
  readonly bytes: number
  readonly filesCopied?: number
}

async function timed(args: Arguments, io: Io, copy: () => Promise<CopyReport>): Promise<ExitCode> {
  const started = io.now()
  const report = await copy()
  const milliseconds = Math.round(io.now() - started)
  if (args.has('json')) {
    await io.stdout.write(`${JSON.stringify({ ...report, milliseconds })}\n`)
  } else if (!args.has('quiet')) {
    const { path, files, bytes, filesCopied } = report
    const copied = filesCopied === undefined ? '' : `, ${filesCopied} of them new`
    const extent = `${countOf(files, 'file')}${copied}, ${formatBytes(bytes)}`
    await io.stdout.write(`${path}: ${extent} (${formatDuration(milliseconds)})\n`)
  }
  return EXIT.ok
}
