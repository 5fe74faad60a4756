// Random histories published into a real REST catalog, some through a network that loses answers, and read back with
// pyiceberg through the same catalog: every snapshot that stays, and every tag. Where Java, Maven or pyiceberg cannot be
// had it says so and ends well.
import { open, type DataMode, type Table } from '@meru/db'
import { Random, randomOperations } from '@meru/testkit'
import { preparePython, type ReadRequest, readTables, sortedLines, textRows } from '@meru/testkit/interop'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type CatalogServer, lossyProxy, startCatalog } from './catalog-server.ts'
import { perform, tablesOf, WEIGHTS } from './histories.ts'

const NAMESPACE = 'shop'
const MODES: readonly DataMode[] = ['hardlink', 'copy', 'reference']
const SNAPSHOTS_KEPT = 4
/** Of so many requests one gets no answer. */
const LOST_EVERY = 5

interface Expected {
  readonly request: ReadRequest
  readonly lines: readonly string[]
}

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '6' }, operations: { type: 'string', default: '150' } },
})
const root = mkdtempSync(join(tmpdir(), 'meru-catalog-'))
const missing = await preparePython('pyiceberg')
const server = missing ?? (await startCatalog(root).catch((error: unknown) => String(error)))
if (typeof server === 'string') console.log(`REST catalog, left out: ${server}`)
else {
  try {
    await testCatalog(server)
  } finally {
    await server.stop()
  }
}
rmSync(root, { recursive: true, force: true })

async function testCatalog({ uri, version }: CatalogServer): Promise<void> {
  await send(`${uri}/v1/namespaces`, { namespace: [NAMESPACE] })
  const lossy = await lossyProxy(uri, LOST_EVERY)
  const expected: Expected[] = []
  let published = 0
  try {
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const history = await runHistory(seed, uri, seed % 2 === 0 ? lossy.uri : uri)
      published += history.published
      expected.push(...history.expected)
    }
  } finally {
    await lossy.stop()
  }
  const answers = await readTables(expected.map(({ request }) => request))
  const wrong = expected.filter(({ lines }, i) => lines.join('\n') !== sortedLines(answers[i]).join('\n'))
  for (const { request } of wrong) console.log(`differs: ${JSON.stringify(request)}`)
  console.log(
    `iceberg ${version} REST catalog: ${published} snapshots of ${values.seeds} histories published, ` +
      `${expected.length} read back with pyiceberg, ${wrong.length} differ`,
  )
  if (wrong.length > 0 || expected.length === 0) process.exitCode = 1
}

/** Publishes at random moments; what the catalog has at the end, and what readers must make of it. */
async function runHistory(
  seed: number,
  uri: string,
  through: string,
): Promise<{ expected: Expected[]; published: number }> {
  const random = new Random(`catalog ${seed}`)
  const settings = { workers: 0, autoCompaction: false, obsoleteGraceMs: 0 }
  const shown = new Map<string, Map<number, readonly string[]>>()
  await using db = await open(join(root, `db-${seed}`), { settings })
  const tables = new Map<string, Table>()
  const definitions = tablesOf(seed)
  for (const definition of definitions) tables.set(definition.name, (await db.table(definition)) as Table)

  const publish = async (table: Table, formatVersion: 2 | 3): Promise<void> => {
    const rows = await table.scan().toArray()
    const name = `${table.name}_${seed}`
    const { snapshotId } = await table.exportIceberg({
      to: join(root, `lake-${seed}`, table.name),
      mode: MODES[seed % MODES.length],
      catalog: { uri: through, namespace: NAMESPACE, table: name },
      snapshotsKept: SNAPSHOTS_KEPT,
      formatVersion,
      ...(random.oneIn(4) ? { tags: { [`tag${random.below(3)}`]: 'current' } } : {}),
    })
    const snapshots = shown.get(name) ?? new Map<number, readonly string[]>()
    shown.set(name, snapshots.set(snapshotId, sortedLines(textRows(table.schema, rows))))
  }
  const weights = { ...WEIGHTS, export: 15 }
  const steps = randomOperations(new Random(seed), Number(values.operations), weights, definitions)
  for (const [i, operation] of steps.entries()) {
    const version = seed % 3 === 0 && i > steps.length / 2 ? 3 : 2
    await perform(operation, db, tables, { publish: (table) => publish(table, version) })
  }
  const expected: Expected[] = []
  for (const [name, snapshots] of shown) expected.push(...(await expectationsOf(uri, name, snapshots)))
  return { expected, published: [...shown.values()].reduce((sum, { size }) => sum + size, 0) }
}

/** What the catalog says it has, and what that was when it was published. */
async function expectationsOf(
  uri: string,
  name: string,
  shown: ReadonlyMap<number, readonly string[]>,
): Promise<Expected[]> {
  const answer = await fetch(`${uri}/v1/namespaces/${NAMESPACE}/tables/${name}`)
  const { metadata } = (await answer.json()) as {
    metadata: {
      snapshots: { 'snapshot-id': number }[]
      refs: Record<string, { type: string; 'snapshot-id': number }>
    }
  }
  const linesOf = (id: number): readonly string[] => {
    const lines = shown.get(id)
    if (lines === undefined)
      throw new Error(`${name}: the catalog has snapshot ${id}, which nobody published`)
    return lines
  }
  const place = { reader: 'pyiceberg', table: `${NAMESPACE}.${name}`, catalog: uri } as const
  const bySnapshot = metadata.snapshots.map(({ 'snapshot-id': snapshot }) => ({
    request: { ...place, snapshot },
    lines: linesOf(snapshot),
  }))
  const byTag = Object.entries(metadata.refs)
    .filter(([, { type }]) => type === 'tag')
    .map(([tag, ref]) => ({ request: { ...place, tag }, lines: linesOf(ref['snapshot-id']) }))
  return [...bySnapshot, ...byTag]
}

async function send(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
}
