import { t, table } from '@meru/core'
import { NodeFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { exportIceberg } from '../src/index.ts'
import { expectSound, optionsFor } from './sample-export.ts'
import { SampleTable, type Row } from './sample-table.ts'
import { plainText } from '@meru/testkit/interop'

const RANGES = table(
  'ranges',
  {
    id: t.int(),
    word: t.string().nullable(),
    amount: t.decimal(9, 2).nullable(),
    day: t.date().nullable(),
    price: t.double().nullable(),
    token: t.uuid().nullable(),
  },
  { key: ['id'] },
)

/** A condition on one column, and the ids that meet it. */
export interface Condition {
  readonly column: string
  readonly operator: '=' | '<' | '>=' | 'is null'
  readonly value: string
  readonly ids: readonly string[]
}

export interface Ranges {
  readonly directory: string
  readonly conditions: readonly Condition[]
}

const FILES = 5
const PREFIX = 'é'.repeat(15)

/**
 * Files whose values lie in bands, so that readers leave files out by their bounds; the longest words are
 * cut in the bounds. One file has no value but the key, some rows are dead.
 */
export async function makeRanges(root: string): Promise<Ranges> {
  const env = new TestEnvironment()
  const sample = await SampleTable.create(new NodeFs(root), env, RANGES)
  for (let file = 0; file < FILES; file++) {
    const rows = Array.from({ length: 10 }, (_, i) => (file === 3 ? { id: 30 + i } : rowOf(file, i)))
    await sample.flush(rows)
  }
  await sample.flush([], [{ id: 4 }, { id: 25 }])
  await exportIceberg(optionsFor(sample, env))
  await expectSound(sample.fs, sample.directory)
  return { directory: sample.directory, conditions: conditionsOn(sample.rows) }
}

function rowOf(file: number, i: number): Row {
  const n = file * 10 + i
  return {
    id: n,
    word: i % 3 === 0 ? `${PREFIX}${String.fromCodePoint(0xd7ff - 49 + n)}${'z'.repeat(i)}` : `w${n}`,
    amount: `${n - 20}.${String(n).padStart(2, '0')}`,
    day: `${1960 + n}-02-03`,
    price: i % 4 === 0 ? null : (n - 25) / 4,
    token: `${(0x7f + file).toString(16)}000000-0000-7000-8000-0000000000${String(n).padStart(2, '0')}`,
  }
}

type Compare = (a: unknown, b: unknown) => number

const byNumber: Compare = (a, b) => Number(a) - Number(b)
const byBytes: Compare = (a, b) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
const COMPARE: Readonly<Record<string, Compare>> = {
  id: byNumber,
  word: byBytes,
  amount: byNumber,
  day: byBytes,
  price: byNumber,
  token: byBytes,
}

const TESTS = {
  '=': (order: number) => order === 0,
  '<': (order: number) => order < 0,
  '>=': (order: number) => order >= 0,
} as const

function conditionsOn(rows: readonly Row[]): Condition[] {
  const conditions: Condition[] = []
  for (const [column, compare] of Object.entries(COMPARE)) {
    const values = rows.map((row) => row[column]).filter((value) => value !== null)
    const sorted = values.toSorted(compare)
    const probes = [0, 9, 10, 21, sorted.length - 1].map((i) => sorted[Math.min(i, sorted.length - 1)])
    for (const probe of column === 'word' ? [...probes, PREFIX, `${PREFIX}\ue000`] : probes) {
      for (const [operator, holds] of Object.entries(TESTS)) {
        // Readers do not agree on the order of UUIDs.
        if (column === 'token' && operator !== '=') continue
        const isMet = (row: Row): boolean => row[column] !== null && holds(compare(row[column], probe))
        conditions.push({
          column,
          operator: operator as keyof typeof TESTS,
          value: plainText(probe as string),
          ids: idsOf(rows.filter(isMet)),
        })
      }
    }
    const absent = rows.filter((row) => row[column] === null)
    conditions.push({ column, operator: 'is null', value: '', ids: idsOf(absent) })
  }
  return conditions
}

function idsOf(rows: readonly Row[]): string[] {
  return rows.map((row) => plainText(row['id'] as number)).sort()
}
