import { encodeDefault, t, table } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { createExportCache, exportIceberg, type FormatVersion } from '../src/index.ts'
import { exportChecked, optionsFor, ORDERS, orders, readPublished, type Published } from './sample-export.ts'
import { readSnapshot } from './reference-reader.ts'
import { SampleTable, type Row } from './sample-table.ts'

let env: TestEnvironment
let sample: SampleTable
let version = 0

beforeEach(async () => {
  env = new TestEnvironment()
  sample = await SampleTable.create(new MemoryFs(), env, ORDERS)
})

async function publish(formatVersion?: FormatVersion): Promise<Published> {
  const more = formatVersion === undefined ? {} : { formatVersion }
  version = (await exportChecked(sample, env, more)).version
  return readPublished(sample, version)
}

async function shown({ metadata, snapshot }: Published): Promise<Map<unknown, number | undefined>> {
  const rows = await readSnapshot(sample.fs, metadata, Number(snapshot['snapshot-id']))
  return new Map(rows.map(({ row, rowId }) => [row['id'], rowId]))
}

function deletesOf({ entries }: Published): string[] {
  return entries
    .filter(({ status, data_file: file }) => status !== 2 && file.content === 1)
    .map(({ data_file: file }) => `${file.file_format} ${file.record_count}`)
}

describe('deletion vectors', () => {
  test('one file holds those of every data file that changed, each with all dead rows', async () => {
    await sample.flush(orders(0, 10))
    await sample.flush(orders(10, 20))
    await publish(3)
    await sample.flush([], [{ id: 1 }, { id: 11 }, { id: 12 }])
    const first = await publish()
    expect(deletesOf(first).sort()).toEqual(['PUFFIN 1', 'PUFFIN 2'])
    expect(
      new Set(first.entries.flatMap(({ data_file: file }) => (file.content === 1 ? [file.file_path] : [])))
        .size,
    ).toBe(1)
    await sample.flush([], [{ id: 13 }])
    const second = await publish()
    expect(deletesOf(second).sort()).toEqual(['PUFFIN 1', 'PUFFIN 3'])
    expect(second.snapshot.summary).toMatchObject({
      'added-dvs': '1',
      'removed-dvs': '1',
      operation: 'delete',
    })
  })

  test('an upgrade keeps position deletes until their data file changes', async () => {
    await sample.flush(orders(0, 10))
    await sample.flush(orders(10, 20))
    await sample.flush([], [{ id: 1 }, { id: 11 }])
    await publish()
    const upgraded = await publish(3)
    expect(upgraded.metadata).toMatchObject({ 'format-version': 3, 'next-row-id': 0 })
    expect(deletesOf(upgraded)).toEqual(['PARQUET 1', 'PARQUET 1'])
    await sample.flush([], [{ id: 12 }])
    const changed = await publish()
    expect(deletesOf(changed).sort()).toEqual(['PARQUET 1', 'PUFFIN 2'])
    expect((await shown(changed)).size).toBe(17)
  })

  test('there is no way back to version 2', async () => {
    await sample.flush(orders(0, 3))
    await publish(3)
    await expect(publish(2)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/no way back/),
    })
    expect((await publish()).metadata['format-version']).toBe(3)
  })
})

describe('row lineage', () => {
  test('every row has an id of its own, and keeps it while its file stays', async () => {
    await sample.flush(orders(0, 10))
    const first = await shown(await publish(3))
    expect([...first.values()]).toEqual(Array.from({ length: 10 }, (_, i) => i))
    await sample.flush(orders(10, 20), [{ id: 0 }])
    const second = await shown(await publish())
    first.delete(0)
    expect([...first.keys()].map((id) => second.get(id))).toEqual([...first.values()])
    expect(new Set(second.values()).size).toBe(19)
  })

  test('rows of version 2 get ids with the first snapshot of version 3', async () => {
    await sample.flush(orders(0, 10))
    await publish()
    await sample.flush(orders(10, 15))
    await publish()
    await sample.flush(orders(15, 16))
    const after = await publish(3)
    const ids = [...(await shown(after)).values()]
    expect(ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 16 }, (_, i) => i))
    expect(after.metadata['next-row-id']).toBe(16)
    expect(after.snapshot).toMatchObject({ 'first-row-id': 0, 'added-rows': 16 })
  })
})

describe('types and defaults', () => {
  test('nanoseconds need version 3', async () => {
    const events = table('events', { id: t.int(), at: t.timestampNs() }, { key: ['id'] })
    sample = await SampleTable.create(new MemoryFs(), env, events)
    await sample.flush([{ id: 1, at: 1_700_000_000_123_456_789n }])
    await expect(publish()).rejects.toThrow(/format version 3/)
    const { metadata } = await publish(3)
    expect(JSON.stringify(metadata.schemas)).toContain('"type":"timestamp_ns"')
  })

  const values: [column: Parameters<typeof encodeDefault>[1]['type'], value: unknown, json: unknown][] = [
    [{ kind: 'boolean' }, true, true],
    [{ kind: 'int' }, -7, -7],
    [{ kind: 'long' }, 9007199254740993n, 9007199254740993n],
    [{ kind: 'double' }, 1.5, 1.5],
    [{ kind: 'decimal', precision: 9, scale: 2 }, '-14.20', '-14.20'],
    [{ kind: 'date' }, '2017-11-16', '2017-11-16'],
    [{ kind: 'time' }, 81_068_123_456, '22:31:08.123456'],
    [{ kind: 'timestamp' }, 1510871468123456n, '2017-11-16T22:31:08.123456'],
    [{ kind: 'timestamp' }, -1n, '1969-12-31T23:59:59.999999'],
    [{ kind: 'timestamptz' }, 1510871468123456n, '2017-11-16T22:31:08.123456+00:00'],
    [{ kind: 'timestamp_ns' }, 1510871468123456789n, '2017-11-16T22:31:08.123456789'],
    [{ kind: 'timestamptz_ns' }, 1510871468123456789n, '2017-11-16T22:31:08.123456789+00:00'],
    [{ kind: 'string' }, 'iceberg', 'iceberg'],
    [{ kind: 'uuid' }, 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'],
    [{ kind: 'fixed', length: 4 }, Uint8Array.of(0, 1, 2, 255), '000102ff'],
    [{ kind: 'binary' }, Uint8Array.of(0, 1, 255), '0001ff'],
  ]
  test.each(values)('the default of %j', async (type, value, json) => {
    const mode = type.kind.startsWith('timestamp') ? 'bigint' : undefined
    const hex = encodeDefault('orders', { name: 'added', type }, mode, value)
    await sample.flush(orders(0, 3))
    sample.evolve((schema) => ({
      ...schema,
      columns: [
        ...schema.columns,
        { id: 50, name: 'added', type, required: false, initialDefault: hex, writeDefault: hex },
      ],
      lastColumnId: 50,
    }))
    await expect(exportIceberg(optionsFor(sample, env))).rejects.toThrow(/version 2 has no default/)
    const { metadata } = await publish(3)
    const schemas = metadata.schemas as { fields: Row[] }[]
    const field = schemas.at(-1)?.fields.at(-1)
    expect(field).toMatchObject({ 'initial-default': json, 'write-default': json })
  })
})

test('a whole number as a default of a float is a fraction, in later versions too', async () => {
  const type = { kind: 'float' } as const
  const hex = encodeDefault('orders', { name: 'added', type }, undefined, 55)
  await sample.flush(orders(0, 3))
  sample.evolve((schema) => ({
    ...schema,
    columns: [...schema.columns, { id: 50, name: 'added', type, required: false, initialDefault: hex }],
    lastColumnId: 50,
  }))
  const published = async (): Promise<string> => {
    const { version } = await exportChecked(sample, env, { formatVersion: 3 })
    const file = await sample.fs.readFile(`${sample.directory}/metadata/v${version}.metadata.json`)
    return new TextDecoder().decode(file)
  }
  expect(await published()).toContain('"initial-default":55.0')
  await sample.flush(orders(0, 1))
  expect(await published()).toContain('"initial-default":55.0')
})

describe('position deletes of version 2', () => {
  test('new positions come in files of their own, and become one after a few', async () => {
    const cache = createExportCache()
    await sample.flush(orders(0, 100))
    const forms: string[][] = []
    for (let id = 0; id < 7; id++) {
      await sample.flush([], [{ id }])
      const result = await exportChecked(sample, env, { cache })
      forms.push(deletesOf(await readPublished(sample, result.version)))
    }
    const ones = (count: number): string[] => Array.from({ length: count }, () => 'PARQUET 1')
    expect(forms.map((form) => form.toSorted())).toEqual([
      ones(1),
      ones(2),
      ones(3),
      ones(4),
      ['PARQUET 5'],
      [...ones(1), 'PARQUET 5'],
      [...ones(2), 'PARQUET 5'],
    ])
  })

  test('without knowledge of the export before, all positions are written again', async () => {
    await sample.flush(orders(0, 100))
    for (let id = 0; id < 3; id++) {
      await sample.flush([], [{ id }])
      expect(deletesOf(await publish())).toEqual([`PARQUET ${id + 1}`])
    }
  })

  test('many data files share one delete file, which goes when one of them changes', async () => {
    const files = 70
    for (let i = 0; i < files; i++) await sample.flush(orders(i * 10, i * 10 + 10))
    await sample.flush(
      [],
      Array.from({ length: files }, (_, i) => ({ id: i * 10 })),
    )
    const first = await publish()
    expect(deletesOf(first)).toEqual([`PARQUET ${files}`])
    expect((await shown(first)).size).toBe(files * 9)
    await sample.flush([], [{ id: 1 }])
    const second = await publish()
    expect(deletesOf(second)).toEqual([`PARQUET ${files + 1}`])
    await sample.compact(sample.files.slice(10).map((file) => file.id))
    const third = await publish()
    expect(deletesOf(third)).toHaveLength(10)
    expect((await shown(third)).size).toBe(files * 9 - 1)
  })
})

test('fewer snapshots are kept from one export to the next, and none loses a delete file', async () => {
  await sample.flush(orders(0, 10))
  await sample.flush(orders(10, 20))
  for (const id of [0, 10]) {
    await sample.flush([], [{ id }])
    await publish()
  }
  for (let id = 1; id < 4; id++) {
    await sample.flush([], [{ id }])
    await publish()
  }
  const { version: last } = await exportChecked(sample, env, { snapshotsKept: 2, seqno: sample.seqno })
  const published = await readPublished(sample, last)
  expect((await shown(published)).size).toBe(15)
})
