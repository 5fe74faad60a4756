import { DirectoryFs, type Environment, type FileSystem, type MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { expect } from 'vitest'
import { pathIn, type DataMode, type TablePlace } from '../src/destination.ts'
import {
  checkTable,
  exportIceberg,
  type ExportOptions,
  type ExportTarget,
  type IcebergExport,
} from '../src/index.ts'
import { readMetadataDirectory, TableFiles } from '../src/published-table.ts'
import { ownFiles, strays } from '../src/retention.ts'
import { currentSnapshot, type TableMetadata } from '../src/table-metadata.ts'
import { optionsFor, ORDERS } from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

const ENGINE = 'db'
const TARGET = 'out/orders'

export interface Pair {
  readonly engine: DirectoryFs
  readonly target: DirectoryFs
}

/** An engine's directory and a target's, on one file system, so that there can be links. */
export function pairOn(fs: FileSystem): Pair {
  return { engine: new DirectoryFs(fs, ENGINE), target: new DirectoryFs(fs, TARGET) }
}

export async function makePair(disk: MemoryFs): Promise<Pair> {
  const pair = pairOn(disk)
  for (const fs of [pair.engine, pair.target]) await fs.makeDirectory('')
  return pair
}

export async function makeSample(
  disk: MemoryFs,
  env: Environment = new TestEnvironment(),
): Promise<SampleTable> {
  return await SampleTable.create((await makePair(disk)).engine, env, ORDERS)
}

/** Options of an export of the table to a target, both on `fs`, wherever the table itself lies. */
export function optionsTo(
  fs: FileSystem,
  mode: DataMode,
  table: SampleTable,
  more: Partial<ExportOptions> & { env: Environment },
): ExportOptions & { readonly target: ExportTarget } {
  const { engine, target } = pairOn(fs)
  return { ...optionsFor(table, more.env, { fs: engine, ...more }), target: { fs: target, mode } }
}

export function placeOf(fs: FileSystem): TablePlace {
  return { fs: pairOn(fs).target, directory: '' }
}

/** Expects that the target keeps every rule and that every file it names is there. */
export async function expectSoundTarget(disk: MemoryFs): Promise<void> {
  const { engine, target } = pairOn(disk)
  const { violations } = await checkTable(target, '', (uri) => {
    const prefix = `${engine.root.replace(':/', ':///')}/`
    return uri.startsWith(prefix) ? { fs: engine, path: uri.slice(prefix.length) } : undefined
  })
  expect(violations).toEqual([])
}

export async function metadataOf(fs: FileSystem): Promise<TableMetadata | undefined> {
  return (await readMetadataDirectory(placeOf(fs))).published?.metadata
}

/** Names of the data files of the target's own. */
export async function dataNames(fs: FileSystem): Promise<string[]> {
  return (await pairOn(fs).target.list('data')).toSorted()
}

/** Live rows as a reader counts them that trusts the hint, after a look at every file of every snapshot. */
export async function readByHint(disk: MemoryFs): Promise<number | undefined> {
  const { engine, target } = pairOn(disk)
  const place = { fs: target, directory: '' }
  const hint = await target.readFile('metadata/version-hint.text')
  if (hint === undefined) return undefined
  const { published } = await readMetadataDirectory(place)
  const version = Number(new TextDecoder().decode(hint))
  expect(await target.size(`metadata/v${version}.metadata.json`)).toBeDefined()
  if (published?.version !== version) return readVersion(disk, version)
  const { metadata } = published
  const files = new TableFiles(place, metadata.location)
  for (const snapshot of metadata.snapshots) {
    for (const { live } of await files.loadManifests(snapshot)) {
      for (const { data_file: file } of live) {
        const path = files.pathOf(file.file_path)
        const own = path === undefined ? undefined : await target.size(path)
        const elsewhere = file.file_path.replace(`${engine.root.replace(':/', ':///')}/`, '')
        const found = { file: file.file_path, bytes: own ?? (await engine.size(elsewhere)) }
        expect(found).toEqual({ file: file.file_path, bytes: file.file_size_in_bytes })
      }
    }
  }
  return Number(currentSnapshot(metadata)?.summary['meru.live-records'])
}

/** What the version shows that the hint names while a newer one is there. */
async function readVersion(disk: MemoryFs, version: number): Promise<number> {
  const bytes = await pairOn(disk).target.readFile(`metadata/v${version}.metadata.json`)
  const text = new TextDecoder().decode(bytes)
  const metadata = JSON.parse(text) as TableMetadata
  return Number(currentSnapshot(metadata)?.summary['meru.live-records'])
}

/** What lies in the target and no snapshot names. */
export async function leftOver(fs: FileSystem, mode: DataMode): Promise<string[]> {
  const place = placeOf(fs)
  const metadata = await metadataOf(fs)
  const withData = mode !== 'reference'
  const named = metadata === undefined ? new Set<string>() : await ownFiles(place, metadata, { withData })
  return (await strays(place, { withData }))
    .filter((path) => !named.has(path))
    .map((path) => pathIn(place, path))
}

export async function exportTo(
  disk: MemoryFs,
  mode: DataMode,
  table: SampleTable,
  more: Partial<ExportOptions> & { env: Environment },
): Promise<IcebergExport> {
  const result = await exportIceberg(optionsTo(disk, mode, table, more))
  await expectSoundTarget(disk)
  expect(result.liveRows).toBe(table.rows.length)
  expect(await readByHint(disk)).toBe(table.rows.length)
  return result
}

/** Timers run at once, so that nobody waits; time-outs never come. */
export function impatient(): Environment {
  const env = new TestEnvironment()
  return {
    now: () => env.now(),
    elapsed: () => env.elapsed(),
    uuid: () => env.uuid(),
    random: (bound) => env.random(bound),
    yield: () => env.yield(),
    after: (milliseconds, task) => {
      if (milliseconds > 10_000) return () => undefined
      const soon = setImmediate(task)
      return () => clearImmediate(soon)
    },
  }
}
