import { readFileSync } from 'node:fs'
import { keyColumns, typeName, type ColumnDef, type TableSchema } from '@meru/core'
import type { Arguments, Command } from '../command.ts'
import { openStored, withDatabase } from '../database.ts'
import { EXIT, Failure, usageFailure, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf } from '../quantity.ts'
import { defaultJson, parseSchemaFile, schemaJson, type FileColumn } from '../schema-file.ts'
import { schemaSteps, type AnyAlteration } from '../schema-steps.ts'
import { textTable } from '../text-table.ts'

export const schemaCommand: Command = {
  name: 'schema',
  summary: 'print the columns of a table, compare them with a file, change them to it',
  positionals: ['action', 'database', 'table', '[file]'],
  options: { 'allow-drop': { help: 'let apply drop columns, whose values are then lost' } },
  notes: [
    'The actions are "show", "diff" and "apply". Diff says what apply would change, and changes nothing; it exits with 1 if there is something.',
    'The file is what "schema show --json" prints, edited: a column with an id is that column whatever its name, so a new name renames it; one without an id is added. Apply makes all changes at once and rewrites nothing.',
  ],
  examples: [
    'meru schema show db users --json > users.json',
    'meru schema diff db users users.json',
    'meru schema apply db users users.json',
  ],
  run: runSchema,
}

async function runSchema(args: Arguments, io: Io): Promise<ExitCode> {
  const [action, path, name, file] = args.positionals as readonly (string | undefined)[]
  if (action !== 'show' && action !== 'diff' && action !== 'apply') {
    throw usageFailure(`schema has no action "${String(action)}"`, 'it has: show, diff, apply')
  }
  if ((file === undefined) !== (action === 'show')) {
    throw usageFailure(file === undefined ? `schema ${action} needs a file` : 'schema show takes no file')
  }
  if (action === 'show' || file === undefined) return await show(path as string, name as string, args, io)
  const wanted = parseSchemaFile(readFileSync(file, 'utf8'), file)
  return await change(
    { path: path as string, name: name as string, wanted, isDry: action === 'diff' },
    args,
    io,
  )
}

async function show(path: string, name: string, args: Arguments, io: Io): Promise<ExitCode> {
  return await withDatabase(path, io, async (database) => {
    const { schema } = await openStored(database, name)
    const text = args.has('json') ? JSON.stringify(schemaJson(name, schema)) : schemaLines(schema).join('\n')
    await io.stdout.write(`${text}\n`)
    return EXIT.ok
  })
}

function schemaLines(schema: TableSchema): string[] {
  const key = keyColumns(schema).map((column) => column.name)
  const rows = schema.columns.map((column) => {
    const { id, name, type, required, writeDefault } = column
    const place = key.indexOf(name)
    const fallback = writeDefault === undefined ? '' : `default ${defaultText(column, writeDefault)}`
    const role = place < 0 ? fallback : `key ${place + 1}`
    return [String(id), name, typeName(type), required ? 'required' : 'may be null', role]
  })
  return textTable(['id', 'column', 'type', '', ''], rows, { right: new Set([0]) })
}

function defaultText(column: ColumnDef, hex: string): string {
  const json = defaultJson(column, hex)
  return typeof json === 'object' ? JSON.stringify(json) : String(json)
}

interface Change {
  readonly path: string
  readonly name: string
  readonly wanted: readonly FileColumn[]
  readonly isDry: boolean
}

async function change({ path, name, wanted, isDry }: Change, args: Arguments, io: Io): Promise<ExitCode> {
  return await withDatabase(path, io, async (database) => {
    const table = await openStored(database, name)
    const steps = schemaSteps(table.schema, wanted)
    const lines = steps.map(({ text }) => text)
    if (!isDry && steps.length > 0) {
      if (steps.some(({ losesValues }) => losesValues) && !args.has('allow-drop')) {
        throw new Failure(`the file lacks columns of the table: ${lines.join('; ')}`, {
          hint: 'add --allow-drop if their values may be lost',
        })
      }
      await table.alter((alteration) => {
        for (const { apply } of steps) apply(alteration as unknown as AnyAlteration)
        return alteration
      })
    }
    if (args.has('json')) await io.stdout.write(`${JSON.stringify({ table: name, changes: lines })}\n`)
    else await io.stdout.write(lines.length === 0 ? '' : `${lines.join('\n')}\n`)
    const done = isDry ? 'would be made' : 'made'
    if (!args.has('quiet')) await io.stderr.write(`${countOf(steps.length, 'change')} ${done}\n`)
    return isDry && steps.length > 0 ? EXIT.failed : EXIT.ok
  })
}
