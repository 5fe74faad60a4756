import type { Cell, Check } from './cell.ts'

/** What a reader is known not to do right, whoever writes the table. */
interface Limit {
  readonly reader: string | RegExp
  readonly format?: RegExp
  /** All of them without it. */
  readonly checks?: readonly Check[]
  /** What the problem says. */
  readonly problem?: RegExp
  readonly why: string
}

const LIMITS: readonly Limit[] = [
  {
    reader: /pyiceberg|Java|Spark|iceberg-go/,
    format: /^3/,
    problem: /change-3-a-date-that-becomes-a-timestamp/,
    why: 'it does not follow a date that becomes a timestamp',
  },
  {
    reader: 'Spark',
    problem: /Cannot cast default value to/,
    why: 'it does not take defaults of decimals',
  },
  {
    reader: 'iceberg-go',
    problem: /unsupported write-default value type/,
    why: 'it does not take defaults of decimals',
  },
  {
    reader: 'iceberg-core (Java)',
    checks: ['C8'],
    problem: /-default is -?[0-9.e+-]+, written as/,
    why: 'it writes defaults of floats with fewer digits',
  },
  {
    reader: 'icebird',
    checks: ['C2', 'C7'],
    problem:
      /(a-column-dropped-and-added|a-renamed-column|two-names-swapped|evolution-\d+,).*: (\d+) rows, (\2 wanted|with)/,
    why: 'it finds the columns of older files by their names of today',
  },
  {
    reader: /icebird|Rust/,
    format: /vectors/,
    problem: /footer != PAR1|Parquet file. Corrupt footer/,
    why: 'this release has no deletion vectors',
  },
  {
    reader: 'iceberg (Rust)',
    checks: ['C2', 'C7'],
    problem: /date-that-becomes-a-timestamp.*could not convert slice to array/,
    why: 'it does not follow a date that becomes a timestamp',
  },
  {
    reader: 'iceberg (Rust)',
    checks: ['C2', 'C7'],
    problem: /field-of-structs-added.*Incorrect number of arrays|fields-of-structs-renamed.*unmasked nulls/,
    why: 'it does not follow changes within structs',
  },
  {
    reader: 'icebird',
    checks: ['C2', 'C7'],
    problem: /-of-structs-.*: (\d+) rows, \1 wanted/,
    why: 'it does not follow changes within structs',
  },
  {
    reader: 'DuckDB iceberg',
    checks: ['C4'],
    problem: /: large /,
    why: '1.4 leaves out files by bounds of decimals of more than 64 bits',
  },
  {
    reader: 'Trino',
    format: /^3/,
    problem: /change-3-a-date-that-becomes-a-timestamp.*Unsupported Trino column type/,
    why: 'it does not follow a date that becomes a timestamp',
  },
  {
    reader: 'Trino',
    format: /^3/,
    checks: ['C7'],
    // The row is as wanted but for one column, which is null.
    problem: /: (\d+) rows, \1 wanted; first \[(.*)\["(\w+)",null\](.*)\], \[\2\["\3","[^"]*"\]\4\] wanted/,
    why: 'defaults are later than this release: [trino 27837](https://github.com/trinodb/trino/pull/27837)',
  },
  {
    reader: 'Trino',
    format: /vectors/,
    problem: /Unexpected PUFFIN file format/,
    why: 'this release has no deletion vectors',
  },
  {
    reader: 'icebird',
    problem: /a decimal of more than 53 bits/,
    why: 'its decimals are numbers of JavaScript, of 53 bits',
  },
  {
    reader: 'icebird',
    problem: /baskets, .*: (\d+) rows, \1 wanted; first .*\["size",null\].*, .*\["size","/,
    why: 'its reader of Parquet drops the levels of pages without nulls, so structs that may be null are',
  },
  {
    reader: 'DuckDB iceberg',
    checks: ['C4'],
    problem: /(isNull|notNull) : rows/,
    why: '1.4 shows deleted rows to `IS NULL` and `IS NOT NULL`',
  },
  {
    reader: 'pyiceberg',
    problem: /empty lists in place of nulls/,
    why: '0.12 makes empty lists of nulls where the elements are structs',
  },
  {
    reader: 'pyiceberg',
    checks: ['C4'],
    problem: /: (ratio|price) .*"-?Infinity"/,
    why: '0.12 takes infinities for numbers beyond the type, which no row is equal to',
  },
  {
    reader: 'iceberg-go',
    problem: /mismatch data type map<.*items_nullable/,
    why: '0.7 does not put together maps with required values',
  },
  {
    reader: 'iceberg-go',
    checks: ['C4'],
    problem: /: note prefix .*: not implemented: starts_with/,
    why: '0.7 finds no rows by prefixes',
  },
  {
    reader: 'iceberg-go',
    checks: ['C4'],
    problem: /: note (gt|gte|eq|in) .*: rows /,
    why: '0.7 takes a greatest text that Parquet statistics do not tell for the empty text',
  },
  {
    reader: 'iceberg-go',
    checks: ['C4'],
    problem: /: (ratio|price) (notNull|isNan) : rows /,
    why: '0.7 leaves out row groups with as many nulls as values',
  },
  {
    reader: 'iceberg-go',
    checks: ['C4'],
    problem: /not asked for nulls of decimals/,
    why: '0.7 ends the program when it tests decimals for nulls',
  },
  {
    reader: 'iceberg (Rust)',
    checks: ['C4'],
    problem: /: moment \w+ .*Converting datum from type Time to arrow not supported yet/,
    why: 'it does not compare times of day',
  },
  {
    reader: /Java|Spark/,
    checks: ['C4'],
    problem: /: token /,
    why: 'UUIDs are ordered as signed numbers: [iceberg 14216](https://github.com/apache/iceberg/issues/14216)',
  },
]

/** Why a check may fail with such a problem; `undefined` if it may not. */
export function knownReason(
  cell: Pick<Cell, 'reader' | 'formatVersion'>,
  check: Check,
  text: string,
): string | undefined {
  return LIMITS.find(
    ({ reader, format, checks, problem }) =>
      (typeof reader === 'string' ? reader === cell.reader : reader.test(cell.reader)) &&
      (format?.test(cell.formatVersion) ?? true) &&
      (checks?.includes(check) ?? true) &&
      (problem?.test(text) ?? true),
  )?.why
}

/** What is not compared. */
const NOTES: Readonly<Record<string, string>> = {
  icebird:
    'two columns are left out: one of bytes, which it takes for text, and one of microseconds, for its moments are of milliseconds; it takes no conditions and no names of snapshots',
  'DuckDB iceberg': '1.4 takes no names of snapshots',
}

/** What one has to know of a row of the matrix; empty if nothing. */
export function remark({ reader, reasons }: Cell): string {
  const note = NOTES[reader]
  return [...reasons, ...(note === undefined ? [] : [note])].join('; ')
}
