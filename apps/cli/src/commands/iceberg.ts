import { checkIceberg } from '@meru/db'
import { existsSync } from 'node:fs'
import type { Arguments, Command } from '../command.ts'
import { EXIT, Failure, usageFailure, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf } from '../quantity.ts'

export const icebergCommand: Command = {
  name: 'iceberg',
  summary: 'check a published table against the Iceberg specification',
  positionals: ['action', 'directory'],
  options: {},
  notes: [
    'The only action is "check"; the directory is the one with metadata/, such as db/tables/zips.',
    'Metadata, manifests, delete files and Parquet footers are read and compared. Nothing is changed. Exit code 1 if a rule is broken.',
  ],
  examples: ['meru iceberg check db/tables/zips'],
  run: runIceberg,
}

async function runIceberg(args: Arguments, io: Io): Promise<ExitCode> {
  const [action, directory] = args.positionals
  if (action !== 'check') throw usageFailure(`iceberg has no action "${action}"`, 'it has: check')
  if (!existsSync(`${directory}/metadata`)) {
    throw new Failure(`${directory} has no metadata/, so it is no Iceberg table`, {
      hint: 'meru export <database> <table> publishes one',
    })
  }
  const report = await checkIceberg(directory)
  const { violations, version, snapshots, manifests, dataFiles, deleteFiles } = report
  const exitCode = violations.length === 0 ? EXIT.ok : EXIT.failed
  if (args.has('json')) {
    await io.stdout.write(`${JSON.stringify(report)}\n`)
    return exitCode
  }
  const lines = violations.map(({ rule, file, problem }) => `${rule}: ${file}: ${problem}`)
  const files = `${countOf(dataFiles, 'data file')}, ${countOf(deleteFiles, 'delete file')}`
  const extent = `version ${version ?? 'none'}, ${countOf(snapshots, 'snapshot')}, ${countOf(manifests, 'manifest')}, ${files}`
  const found = violations.length === 0 ? 'every rule is kept' : countOf(violations.length, 'violation')
  await io.stdout.write([...lines, `${extent}: ${found}`, ''].join('\n'))
  return exitCode
}
