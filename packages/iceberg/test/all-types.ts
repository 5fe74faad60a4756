import { t, table, type TableDefinition } from '@meru/core'
import type { Random } from '@meru/testkit'
import type { Row } from './sample-table.ts'

/** A table with a column of every type that format version 2 has, and a key of two columns. */
export const ALL_TYPES: TableDefinition = table(
  'all_types',
  {
    region: t.string(),
    id: t.long(),
    flag: t.boolean().nullable(),
    count: t.int().nullable(),
    ratio: t.float().nullable(),
    price: t.double().nullable(),
    small: t.decimal(9, 2).nullable(),
    medium: t.decimal(18, 4).nullable(),
    large: t.decimal(38, 10).nullable(),
    day: t.date().nullable(),
    moment: t.time().nullable(),
    local: t.timestamp({ mode: 'bigint' }).nullable(),
    instant: t.timestamptz({ mode: 'bigint' }).nullable(),
    note: t.string().nullable(),
    token: t.uuid().nullable(),
    digest: t.fixed(4).nullable(),
    payload: t.binary().nullable(),
  },
  { key: ['region', 'id'] },
)

const REGIONS = ['', 'eu', 'us-east', 'ap\u0000south', 'näh', '東', '\u{10ffff}\u{1f600}']
const DOUBLES = [0, -0, NaN, Infinity, -Infinity, 0.25, -1.5, 1e300, 5e-324]
const NOTES = ['', 'plain', 'ü'.repeat(30), '\u{1f600}'.repeat(17), '\u{10ffff}'.repeat(20), "it's", '\u0000']

export function randomKey(random: Random): Row {
  return { region: random.pick(REGIONS), id: BigInt(random.between(-20, 20)) }
}

export function randomRow(random: Random): Row {
  const maybe = <T>(value: () => T): T | null => (random.oneIn(5) ? null : value())
  return {
    ...randomKey(random),
    flag: maybe(() => random.oneIn(2)),
    count: maybe(() => random.pick([0, 1, -1, 2147483647, -2147483648, random.below(1000)])),
    ratio: maybe(() => Math.fround(random.pick(DOUBLES.slice(0, 7)))),
    price: maybe(() => random.pick(DOUBLES)),
    small: maybe(() => random.pick(['0.00', '-0.01', '9999999.99', '-9999999.99', '1.28'])),
    medium: maybe(() => random.pick(['0.0000', '-12345678901234.5678', '3.2768', '99999999999999.9999'])),
    large: maybe(() => random.pick(['0.0000000000', '-1.0000000000', `${'9'.repeat(28)}.${'9'.repeat(10)}`])),
    day: maybe(() => random.pick(['1969-12-31', '1970-01-01', '2024-02-29', '0001-01-01', '9999-12-31'])),
    moment: maybe(() => random.pick([0, 1, 86_399_999_999, 43_200_000_000])),
    local: maybe(() => random.pick([0n, -1n, 1_700_000_000_123_456n, -62_135_596_800_000_000n])),
    instant: maybe(() => random.pick([0n, -1n, 1_700_000_000_654_321n, 253_402_300_799_999_999n])),
    note: maybe(() => random.pick(NOTES)),
    token: maybe(() => randomUuid(random)),
    digest: maybe(() => random.bytes(4)),
    payload: maybe(() => random.bytes(random.below(40))),
  }
}

function randomUuid(random: Random): string {
  const digits = Buffer.from(random.bytes(16)).toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
