import { fileURLToPath } from 'node:url'
import type { Arguments, Command } from '../command.ts'
import { openStored, withDatabase } from '../database.ts'
import { EXIT, usageFailure, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf } from '../quantity.ts'

export const exportCommand: Command = {
  name: 'export',
  summary: 'publish a table, as it is now, for readers of Iceberg',
  positionals: ['database', 'table'],
  options: {
    location: { value: 'URI', help: 'where readers find the directory of the table, if not at its path' },
    'format-version': {
      value: '2|3',
      help: 'Iceberg format version; 3 upgrades the published table for ever',
    },
  },
  notes: [
    'Only metadata is written: the Parquet files of the table are the data files. The path of the metadata file goes to stdout.',
  ],
  examples: ['meru export db zips'],
  run: runExport,
}

async function runExport(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, name] = args.positionals
  return await withDatabase(path, io, async (database) => {
    const table = await openStored(database, name)
    const location = args.text('location')
    const formatVersion = formatVersionOf(args.text('format-version'))
    const result = await table.exportIceberg({
      signal: io.signal,
      ...(location === undefined ? {} : { location }),
      ...(formatVersion === undefined ? {} : { formatVersion }),
    })
    if (args.has('json')) {
      await io.stdout.write(`${JSON.stringify(result, plainNumbers)}\n`)
      return EXIT.ok
    }
    const { metadataFile, liveRows, dataFiles, deleteFiles, unchanged } = result
    await io.stdout.write(
      `${metadataFile.startsWith('file:') ? fileURLToPath(metadataFile) : metadataFile}\n`,
    )
    if (!args.has('quiet')) {
      const files = `${countOf(dataFiles, 'data file')}, ${countOf(deleteFiles, 'delete file')}`
      await io.stderr.write(
        `${countOf(liveRows, 'row')} in ${files}${unchanged ? '; nothing had changed' : ''}\n`,
      )
    }
    return EXIT.ok
  })
}

function formatVersionOf(text: string | undefined): 2 | 3 | undefined {
  if (text === undefined) return undefined
  if (text === '2') return 2
  if (text === '3') return 3
  throw usageFailure(`--format-version ${text}: 2 or 3 expected`)
}

function plainNumbers(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
