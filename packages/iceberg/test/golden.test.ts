import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FileSystem, MemoryFs, NodeFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { describe, expect, test } from 'vitest'
import { checkTable, exportIceberg, type FormatVersion } from '../src/index.ts'
import { parseTableMetadata } from '../src/table-metadata.ts'
import { readWithIcebird } from './icebird-reader.ts'
import { readSnapshot } from './reference-reader.ts'
import { optionsFor, ORDERS, orders } from './sample-export.ts'
import { SampleTable } from './sample-table.ts'

/** Tables as they were published once; see the page beside them. `MERU_GOLDEN=write` makes them anew. */
const FIXTURES = fileURLToPath(new URL('fixtures/golden', import.meta.url))
const DIRECTORY = 'tables/orders'
const ROWS = 'rows.txt'

interface Golden {
  /** Every file below the root, in an order of its own. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** What each snapshot shows. */
  readonly rows: Readonly<Record<string, readonly string[]>>
}

/** A small table with its history: deletes, updates, a column added and one renamed, a merge, and in version 3 an upgrade. */
async function makeGolden(version: FormatVersion): Promise<Golden> {
  const fs = new MemoryFs()
  const env = new TestEnvironment({ seed: version })
  const table = await SampleTable.create(fs, env, ORDERS)
  const rows: Record<string, readonly string[]> = {}
  const publish = async (formatVersion: FormatVersion): Promise<void> => {
    env.advance(1000)
    const location = `file:///golden/v${version}/${DIRECTORY}`
    const { snapshotId } = await exportIceberg(optionsFor(table, env, { location, formatVersion }))
    rows[String(snapshotId)] ??= sortedLines(textRows(table.schema, table.rows))
  }
  await table.flush(orders(0, 12))
  await publish(2)
  await table.flush([...orders(12, 20), ...orders(3, 5, 'changed')], [{ id: 7 }])
  await publish(2)
  await table.flush([], [{ id: 1 }, { id: 13 }])
  await publish(version)
  table.evolve((schema) => ({
    ...schema,
    columns: [
      ...schema.columns.map((column) => (column.name === 'name' ? { ...column, name: 'title' } : column)),
      { id: 13, name: 'stars', type: { kind: 'int' }, required: false },
    ],
    lastColumnId: 13,
  }))
  table.rewriteRows(({ name, ...row }) => ({ ...row, title: name, stars: null }))
  await table.flush([{ id: 40, title: 'new', price: -0.5, stars: 5 }], [{ id: 14 }])
  await publish(version)
  await table.compact(
    table.files.slice(-2).map(({ id }) => id),
    0,
  )
  await publish(version)
  await table.flush([], [{ id: 0 }])
  await publish(version)
  return { files: await filesOf(fs), rows }
}

async function filesOf(fs: MemoryFs): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const directory of ['data', 'metadata']) {
    for (const name of (await fs.list(`${DIRECTORY}/${directory}`)).toSorted()) {
      const path = `${DIRECTORY}/${directory}/${name}`
      files.set(path, (await fs.readFile(path)) ?? new Uint8Array())
    }
  }
  return files
}

function writeGolden(version: FormatVersion, { files, rows }: Golden): void {
  const root = join(FIXTURES, `v${version}`)
  rmSync(root, { recursive: true, force: true })
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), bytes)
  }
  writeFileSync(join(root, ROWS), `${JSON.stringify(rows, null, 1)}\n`)
}

describe.each([2, 3] as const)('a table published in version %s', (version) => {
  const root = join(FIXTURES, `v${version}`)
  const stored: FileSystem = new NodeFs(root)

  test('is published as it was, byte by byte', async () => {
    const made = await makeGolden(version)
    if (process.env['MERU_GOLDEN'] === 'write') writeGolden(version, made)
    const advice =
      'is another file than before; if it is meant to be: MERU_GOLDEN=write, and look at the difference'
    for (const [path, bytes] of made.files) {
      const isSame = Buffer.compare(readFileSync(join(root, path)), bytes) === 0
      expect(isSame, `${path} ${advice}`).toBe(true)
    }
    for (const directory of ['data', 'metadata']) {
      const names = await stored.list(`${DIRECTORY}/${directory}`)
      const count = [...made.files.keys()].filter((path) =>
        path.startsWith(`${DIRECTORY}/${directory}/`),
      ).length
      expect(names.length).toBe(count)
    }
  })

  test('keeps every rule', async () => {
    const { violations, snapshots } = await checkTable(stored, DIRECTORY)
    expect(violations).toEqual([])
    expect(snapshots).toBe(6)
  })

  test('shows its rows, snapshot by snapshot', async () => {
    const rows = JSON.parse(readFileSync(join(root, ROWS), 'utf8')) as Golden['rows']
    const hint = readFileSync(join(root, DIRECTORY, 'metadata', 'version-hint.text'), 'utf8')
    const path = `${DIRECTORY}/metadata/v${hint}.metadata.json`
    const metadata = parseTableMetadata(readFileSync(join(root, path), 'utf8'), path)
    expect(metadata['format-version']).toBe(version)
    expect(metadata.snapshots.map((snapshot) => String(snapshot['snapshot-id']))).toEqual(Object.keys(rows))
    for (const snapshot of metadata.snapshots) {
      const id = Number(snapshot['snapshot-id'])
      const read = await readSnapshot(stored, metadata, id)
      expect(linesOf(read.map(({ row }) => row))).toEqual(rows[id])
      // icebird does not know deletion vectors, and looks for columns by their names.
      const isKnown = snapshot['first-row-id'] === undefined && snapshot['schema-id'] === 0
      const others = isKnown ? await readWithIcebird(stored, metadata, id) : read.map(({ row }) => row)
      expect(linesOf(others)).toEqual(rows[id])
    }
  })
})

/** Rows of any of the schemas as text. */
function linesOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return sortedLines(
    rows.map((row) => {
      const columns = Object.keys(row).map((name) => ({
        id: 0,
        name,
        type: { kind: name === 'price' ? ('double' as const) : ('string' as const) },
        required: false,
      }))
      return textRows({ ...ORDERS.schema, columns }, [row])[0]
    }),
  )
}
