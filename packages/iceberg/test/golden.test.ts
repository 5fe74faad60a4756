import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FileSystem, NodeFs } from '@meru/fs'
import { LINEAGE_IDS } from '@meru/sst'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { parquetMetadata } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { checkTable } from '../src/index.ts'
import { parseTableMetadata, type TableMetadata } from '../src/table-metadata.ts'
import { directoryOf, GOLDEN_TABLES, makeGolden, type Golden, type GoldenTable } from './golden-tables.ts'
import { readWithIcebird } from './icebird-reader.ts'
import { readSnapshot } from './reference-reader.ts'
import { ORDERS } from './sample-export.ts'

/** Tables as they were published once; see the page beside them. `MERU_GOLDEN=write` makes them anew. */
const FIXTURES = fileURLToPath(new URL('fixtures/golden', import.meta.url))
const ROWS = 'rows.txt'

function writeGolden(root: string, { files, rows }: Golden): void {
  rmSync(root, { recursive: true, force: true })
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), bytes)
  }
  writeFileSync(join(root, ROWS), `${JSON.stringify(rows, null, 1)}\n`)
}

function storedRows(root: string): Golden['rows'] {
  return JSON.parse(readFileSync(join(root, ROWS), 'utf8')) as Golden['rows']
}

function storedMetadata(golden: GoldenTable): TableMetadata {
  const directory = join(FIXTURES, golden.name, directoryOf(golden), 'metadata')
  const hint = readFileSync(join(directory, 'version-hint.text'), 'utf8')
  const path = join(directory, `v${hint}.metadata.json`)
  return parseTableMetadata(readFileSync(path, 'utf8'), path)
}

describe.each(GOLDEN_TABLES)('the published table $name', (golden) => {
  const directory = directoryOf(golden)
  const root = join(FIXTURES, golden.name)
  const stored: FileSystem = new NodeFs(root)

  test('is published as it was, byte by byte', async () => {
    const made = await makeGolden(golden)
    if (process.env['MERU_GOLDEN'] === 'write') writeGolden(root, made)
    const advice =
      'is another file than before; if it is meant to be: MERU_GOLDEN=write, and look at the difference'
    for (const [path, bytes] of made.files) {
      const isSame = Buffer.compare(readFileSync(join(root, path)), bytes) === 0
      expect(isSame, `${path} ${advice}`).toBe(true)
    }
    for (const part of ['data', 'metadata']) {
      const names = await stored.list(`${directory}/${part}`)
      const count = [...made.files.keys()].filter((path) => path.startsWith(`${directory}/${part}/`)).length
      expect(names.length).toBe(count)
    }
  })

  test('keeps every rule', async () => {
    const { violations, snapshots } = await checkTable(stored, directory)
    expect(violations).toEqual([])
    expect(snapshots).toBe(Object.keys(storedRows(root)).length)
  })

  test('shows its rows, snapshot by snapshot', async () => {
    const rows = storedRows(root)
    const metadata = storedMetadata(golden)
    expect(metadata['format-version']).toBe(golden.version)
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

test('rows of the published table lineage are called the same in every snapshot, whatever file they are in', async () => {
  const golden = GOLDEN_TABLES.find(({ name }) => name === 'lineage') as GoldenTable
  const root = join(FIXTURES, golden.name)
  const stored = new NodeFs(root)
  const keeping = (await stored.list(`${directoryOf(golden)}/data`)).filter((name) => {
    const bytes = readFileSync(join(root, directoryOf(golden), 'data', name))
    const { schema } = parquetMetadata(new Uint8Array(bytes).buffer)
    return LINEAGE_IDS.every((id) => schema.some((element) => element.field_id === id))
  })
  expect(keeping).toHaveLength(2)
  const metadata = storedMetadata(golden)
  const known = new Map<string, object>()
  for (const snapshot of metadata.snapshots) {
    const rows = await readSnapshot(stored, metadata, Number(snapshot['snapshot-id']))
    expect(new Set(rows.map(({ rowId }) => rowId)).size).toBe(rows.length)
    for (const { row, rowId, updated } of rows) {
      const name = String(row['name'])
      const called = { name, rowId, updated }
      if (!known.has(name)) known.set(name, called)
      expect(called).toEqual(known.get(name))
    }
  }
  expect(known.size).toBe(27)
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
