import { MemoryFs } from '@meru/fs'
import { type Call, InterceptedFs, TestEnvironment } from '@meru/testkit'
import { type FilterCase, filterTable } from '@meru/testkit/interop'
import { beforeAll, describe, expect, test } from 'vitest'
import { open, type Table } from '../src/index.ts'

type Bands = Table<Record<string, unknown>, Record<string, unknown>, number>

const { definition, files, deleted, cases } = filterTable()
const calls: Call[] = []

/** Rows in memory know no bounds; files have them, written at once or merged into small ones. */
type Form = 'in memory' | 'in a file for each band' | 'merged'
const tables = new Map<Form, Bands>()

beforeAll(async () => {
  tables.set('in memory', await filled('in memory'))
  tables.set('in a file for each band', await filled('in a file for each band'))
  tables.set('merged', await filled('merged'))
})

async function filled(form: Form): Promise<Bands> {
  const fs = new InterceptedFs(new MemoryFs(), {
    around: (call, run) => {
      calls.push(call)
      return run()
    },
    aroundSync: (call, run) => {
      calls.push(call)
      return run()
    },
  })
  const settings = { workers: 0, autoCompaction: false, fileBytesTarget: 2048, pageCacheBytes: 4096 }
  const db = await open('memory', { settings, components: { fs, env: new TestEnvironment() } })
  const bands = (await db.table(definition)) as Bands
  for (const rows of files) {
    await bands.putMany(rows)
    if (form !== 'in memory') await bands.flush()
  }
  await bands.deleteMany([...deleted])
  if (form !== 'in memory') await bands.flush()
  if (form === 'merged') await bands.compact()
  return bands
}

function conditionOf({ column, operator, probes }: FilterCase): Record<string, unknown> {
  if (operator === 'isNull' || operator === 'notNull') return { [column]: { isNull: operator === 'isNull' } }
  if (operator === 'isNan') return { [column]: { eq: NaN } }
  const values = probes.map(({ value }) => value)
  return { [column]: { [operator]: operator === 'in' ? values : values[0] } }
}

async function idsOf(bands: Bands, where: Record<string, unknown>): Promise<unknown[]> {
  const rows = await bands.scan({ select: ['id'], where }).toArray()
  return rows.map(({ id }) => id).sort((a, b) => Number(a) - Number(b))
}

const columns = [...new Set(cases.map(({ column }) => column))]
const forms: readonly Form[] = ['in memory', 'in a file for each band', 'merged']

describe.each(forms)('rows %s', (form) => {
  test.each(columns)(
    'every comparison with the bounds of files and what is next to them: %s',
    async (column) => {
      const bands = tables.get(form) as Bands
      const ofColumn = cases.filter((each) => each.column === column)
      expect(ofColumn.length).toBeGreaterThan(5)
      for (const each of ofColumn) {
        const { operator, probes, ids } = each
        const what = `${column} ${operator} ${probes.map(({ text }) => text).join()}`
        expect({ what, ids: await idsOf(bands, conditionOf(each)) }).toEqual({
          what,
          ids: ids.toSorted((a, b) => a - b),
        })
      }
    },
  )
})

test('files are left out by their bounds, so the tests above are about bounds', async () => {
  const bands = tables.get('in a file for each band') as Bands
  const readsOf = async (where: Record<string, unknown>): Promise<number> => {
    calls.length = 0
    await idsOf(bands, where)
    return new Set(calls.flatMap(({ operation, path }) => (operation === 'read' ? [path] : []))).size
  }
  for (const column of columns.filter((name) => name !== 'flag')) {
    const all = await readsOf({ or: [{ [column]: { isNull: true } }, { [column]: { isNull: false } }] })
    const equal = cases.find(
      (each) => each.column === column && each.operator === 'eq' && each.ids.length === 1,
    )
    const some = await readsOf(conditionOf(equal as FilterCase))
    expect({ column, all, isLess: some < all }).toEqual({ column, all: files.length, isLess: true })
  }
})
