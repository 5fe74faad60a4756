import { type DataMode, type ExportOptions, S3Fs, type RestCatalogOptions } from '@meru/db'
import { fileURLToPath } from 'node:url'
import type { Arguments, Command, OptionSpec } from '../command.ts'
import { openStored, withDatabase } from '../database.ts'
import { EXIT, usageFailure, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf } from '../quantity.ts'

const BUCKET = /^s3:\/\/([^/]+)(?:\/(.+?))?\/*$/
const MODES: readonly DataMode[] = ['copy', 'hardlink', 'reference']

export const EXPORT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  to: {
    value: 'directory',
    help: 'make the Iceberg table there, not beside the files; s3://bucket/prefix for an object store',
  },
  mode: { value: MODES.join('|'), help: 'how data files come to the directory; copy without it' },
  catalog: {
    value: 'URL',
    help: 'a catalog with the Iceberg REST protocol that is to have the table; needs --to',
  },
  namespace: { value: 'name', help: 'namespace in the catalog, its levels separated by dots' },
  warehouse: { value: 'name', help: 'warehouse of the catalog' },
  tag: { value: 'name', help: 'name the snapshot, which stays while it has a name', multiple: true },
  untag: { value: 'name', help: 'take a name away', multiple: true },
  location: {
    value: 'URI',
    help: 'where readers find the directory of the Iceberg table, if not at its path',
  },
  'format-version': {
    value: '2|3',
    help: 'Iceberg format version; 3 upgrades the published table for ever',
  },
}

const NOTES = [
  'Only metadata is written, and the data files that a directory given with --to lacks. The path of the metadata file goes to stdout.',
  'For s3:// the environment says how: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. A catalog takes the token in ICEBERG_TOKEN.',
]

export const exportCommand: Command = {
  name: 'export',
  summary: 'publish a table, as it is now, for readers of Iceberg',
  positionals: ['database', 'table'],
  options: EXPORT_OPTIONS,
  notes: NOTES,
  examples: ['meru export db zips', 'meru export db zips --to /lake/zips --mode hardlink'],
  run: (args, io) => {
    const [path, name] = args.positionals
    return runExport(path, name, args, io)
  },
}

export async function runExport(path: string, name: string, args: Arguments, io: Io): Promise<ExitCode> {
  const options = await exportOptions(args)
  return await withDatabase(path, io, async (database) => {
    const table = await openStored(database, name)
    const result = await table.exportIceberg({ ...options, signal: io.signal })
    if (args.has('json')) {
      await io.stdout.write(`${JSON.stringify(result, plainNumbers)}\n`)
      return EXIT.ok
    }
    const { metadataFile, liveRows, dataFiles, deleteFiles, unchanged } = result
    await io.stdout.write(`${pathOf(metadataFile)}\n`)
    if (!args.has('quiet')) {
      const files = `${countOf(dataFiles, 'data file')}, ${countOf(deleteFiles, 'delete file')}`
      await io.stderr.write(
        `${countOf(liveRows, 'row')} in ${files}${unchanged ? '; nothing had changed' : ''}\n`,
      )
    }
    return EXIT.ok
  })
}

async function exportOptions(args: Arguments): Promise<ExportOptions> {
  const to = args.text('to')
  const mode = args.text('mode')
  if (mode !== undefined && !MODES.some((known) => known === mode)) {
    throw usageFailure(`--mode ${mode}: one of ${MODES.join(', ')} expected`)
  }
  for (const name of ['mode', 'catalog']) {
    if (to === undefined && args.has(name)) throw usageFailure(`--${name} needs --to`)
  }
  const tags = [
    ...args.list('tag').map((tag) => [tag, 'current'] as const),
    ...args.list('untag').map((tag) => [tag, null] as const),
  ]
  return {
    ...(to === undefined ? {} : { to: await targetOf(to), mode: (mode ?? 'copy') as DataMode }),
    catalog: catalogOf(args),
    location: args.text('location'),
    formatVersion: formatVersionOf(args.text('format-version')),
    ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
  }
}

async function targetOf(to: string): Promise<string | S3Fs> {
  const [, bucket, prefix] = BUCKET.exec(to) ?? []
  if (bucket === undefined) return to
  const set = (name: string): string => {
    const value = process.env[name]
    if (value === undefined || value === '') throw usageFailure(`--to ${to}: ${name} is not set`)
    return value
  }
  const region = set('AWS_REGION')
  return await S3Fs.open({
    endpoint: process.env['AWS_ENDPOINT_URL'] ?? `https://s3.${region}.amazonaws.com`,
    bucket,
    prefix,
    region,
    credentials: {
      accessKeyId: set('AWS_ACCESS_KEY_ID'),
      secretAccessKey: set('AWS_SECRET_ACCESS_KEY'),
      sessionToken: process.env['AWS_SESSION_TOKEN'],
    },
  })
}

function catalogOf(args: Arguments): RestCatalogOptions | undefined {
  const uri = args.text('catalog')
  const namespace = args.text('namespace')
  if (uri === undefined) return undefined
  if (namespace === undefined) throw usageFailure('--catalog needs --namespace')
  const token = process.env['ICEBERG_TOKEN']
  return { uri, namespace: namespace.split('.'), warehouse: args.text('warehouse'), token }
}

function formatVersionOf(text: string | undefined): 2 | 3 | undefined {
  if (text === undefined) return undefined
  if (text === '2') return 2
  if (text === '3') return 3
  throw usageFailure(`--format-version ${text}: 2 or 3 expected`)
}

/** A path where there is one; catalogs write such a URI with one slash. */
function pathOf(uri: string): string {
  return /^file:\/[^/]/.test(uri) || uri.startsWith('file:///') ? fileURLToPath(uri) : uri
}

function plainNumbers(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
