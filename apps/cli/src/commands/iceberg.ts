import { checkIceberg, rebaseIceberg } from '@meru/db'
import { existsSync } from 'node:fs'
import { helpHint, type Arguments, type Command } from '../command.ts'
import { EXIT, Failure, usageFailure, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf } from '../quantity.ts'
import { EXPORT_OPTIONS, runExport } from './export.ts'

export const icebergCommand: Command = {
  name: 'iceberg',
  summary: 'check, move or publish an Iceberg table',
  positionals: ['action', 'directory', '[table]'],
  options: EXPORT_OPTIONS,
  notes: [
    '"check" reads metadata, manifests, delete files and Parquet footers of the directory with metadata/, such as db/tables/zips, and compares them. Nothing is changed. Exit code 1 if a rule is broken.',
    '"rebase" makes the table readable after its directory was moved or copied, with every snapshot; --location if readers find it elsewhere than at its path. Data files are not touched.',
    '"export" is meru export: the directory is that of the database, and the table is named.',
  ],
  examples: [
    'meru iceberg check db/tables/zips',
    'meru iceberg rebase /new/place/zips',
    'meru iceberg export db zips --to /lake/zips --mode hardlink',
  ],
  run: runIceberg,
}

async function runIceberg(args: Arguments, io: Io): Promise<ExitCode> {
  const [action, directory, table] = args.positionals
  if (action === 'export') {
    if (table === undefined)
      throw usageFailure('<table> is missing', 'usage: meru iceberg export <database> <table>')
    return await runExport(directory, table, args, io)
  }
  if (table !== undefined) throw usageFailure(`"${table}" is one argument too many`, helpHint(icebergCommand))
  if (action !== 'check' && action !== 'rebase') {
    throw usageFailure(`iceberg has no action "${action}"`, 'it has: check, rebase, export')
  }
  if (!existsSync(`${directory}/metadata`)) {
    throw new Failure(`${directory} has no metadata/, so it is no Iceberg table`, {
      hint: 'meru export <database> <table> publishes one',
    })
  }
  return action === 'check' ? await runCheck(directory, args, io) : await runRebase(directory, args, io)
}

async function runRebase(directory: string, args: Arguments, io: Io): Promise<ExitCode> {
  const report = await rebaseIceberg(directory, { location: args.text('location') })
  if (args.has('json')) {
    await io.stdout.write(`${JSON.stringify(report)}\n`)
    return EXIT.ok
  }
  await io.stdout.write(`${report.metadataFile}\n`)
  if (!args.has('quiet')) {
    const done = report.unchanged ? 'nothing had moved' : `${countOf(report.snapshots, 'snapshot')} moved`
    await io.stderr.write(`${done}\n`)
  }
  return EXIT.ok
}

async function runCheck(directory: string, args: Arguments, io: Io): Promise<ExitCode> {
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
