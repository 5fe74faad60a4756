import { stat } from 'node:fs/promises'
import { explain, Failure, usageFailure } from '../failure.ts'
import { openCsv } from './csv.ts'
import type { Input, InputOptions } from './input.ts'
import { openJson, openNdjson } from './json.ts'
import { openParquet } from './parquet.ts'

export const FORMATS = ['csv', 'json', 'ndjson', 'parquet'] as const

export type Format = (typeof FORMATS)[number]

const BY_EXTENSION: Readonly<Record<string, { readonly format: Format; readonly delimiter?: string }>> = {
  csv: { format: 'csv' },
  tsv: { format: 'csv', delimiter: '\t' },
  json: { format: 'json' },
  geojson: { format: 'json' },
  ndjson: { format: 'ndjson' },
  jsonl: { format: 'ndjson' },
  parquet: { format: 'parquet' },
}

/** Opens a file of rows; its format is that of its extension unless it is given. */
export async function openInput(
  path: string,
  options: { readonly format?: Format; readonly delimiter?: string } = {},
): Promise<Input> {
  await checkFile(path)
  const known = BY_EXTENSION[/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '']
  const format = options.format ?? known?.format
  if (format === undefined) {
    throw usageFailure(`${path}: its name does not say its format`, `add --format ${FORMATS.join('|')}`)
  }
  const reading: InputOptions = { delimiter: options.delimiter ?? known?.delimiter ?? ',' }
  switch (format) {
    case 'csv':
      return await openCsv(path, reading)
    case 'json':
      return await openJson(path)
    case 'ndjson':
      return await openNdjson(path)
    case 'parquet':
      return await openParquet(path)
  }
}

async function checkFile(path: string): Promise<void> {
  const stats = await stat(path).catch((error: unknown) => {
    throw new Failure(`${path} cannot be opened: ${explain(error).message.replace(`${path}: `, '')}`, {
      cause: error,
    })
  })
  if (stats.isDirectory()) {
    throw new Failure(`${path} is a directory, not a file of rows`, { hint: 'import its files one by one' })
  }
  if (!stats.isFile())
    throw new Failure(`${path} is not a regular file`, { hint: 'the file may have to be read twice' })
  if (stats.size === 0) throw new Failure(`${path} is empty`)
}
