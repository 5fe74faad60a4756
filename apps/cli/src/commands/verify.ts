import { verify } from '@meru/db'
import type { Arguments, Command } from '../command.ts'
import { checkDatabase } from '../database.ts'
import { EXIT, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { Progress } from '../progress.ts'
import { countOf, formatBytes, formatDuration } from '../quantity.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'read every byte of a database and report damage',
  positionals: ['database'],
  options: {},
  notes: ['Nobody may have the database open. Nothing is changed. Exit code 1 if there is damage.'],
  examples: [],
  run: runVerify,
}

async function runVerify(args: Arguments, io: Io): Promise<ExitCode> {
  const [path] = args.positionals
  await checkDatabase(path)
  const started = io.now()
  const progress = new Progress(io, { enabled: !args.has('quiet') })
  let hasBegun = false
  const report = await verify(path, {
    signal: io.signal,
    onProgress: ({ filesDone, filesTotal, bytesDone }) => {
      if (!hasBegun) progress.begin({ label: 'verifying', total: filesTotal, unit: 'bytes' })
      hasBegun = true
      void progress.update(filesDone, bytesDone)
    },
  })
  await progress.clear()
  const exitCode = report.problems.length === 0 ? EXIT.ok : EXIT.failed
  if (args.has('json')) {
    await io.stdout.write(`${JSON.stringify(report)}\n`)
    return exitCode
  }
  const { files, bytes, rows, problems } = report
  const extent = `${countOf(files, 'file')}, ${formatBytes(bytes)}, ${countOf(rows, 'row')}`
  const found = problems.length === 0 ? 'no damage' : countOf(problems.length, 'problem')
  const lines = problems.map(({ file, message }) =>
    message.includes(file) ? message : `${file}: ${message}`,
  )
  await io.stdout.write(
    [...lines, `${extent}: ${found} (${formatDuration(io.now() - started)})`, ''].join('\n'),
  )
  return exitCode
}
