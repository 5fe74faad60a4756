import { readFileSync } from 'node:fs'
import { parseArguments, type Command } from './command.ts'
import { backupCommand, checkpointCommand, restoreCommand } from './commands/copies.ts'
import { exportCommand } from './commands/export.ts'
import { icebergCommand } from './commands/iceberg.ts'
import { importCommand } from './commands/import.ts'
import { statsCommand, tablesCommand } from './commands/inspect.ts'
import { getCommand, scanCommand } from './commands/read-rows.ts'
import { schemaCommand } from './commands/schema.ts'
import { verifyCommand } from './commands/verify.ts'
import { EXIT, explain, usageFailure, type ExitCode } from './failure.ts'
import { commandHelp, overview } from './help.ts'
import { OutputClosed, type Io } from './io.ts'

const COMMANDS: readonly Command[] = [
  importCommand,
  getCommand,
  scanCommand,
  tablesCommand,
  schemaCommand,
  statsCommand,
  exportCommand,
  icebergCommand,
  checkpointCommand,
  backupCommand,
  restoreCommand,
  verifyCommand,
]

/** Runs one command line, without the name of the program. Never throws: failures become an exit code. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    return await report(error, argv.includes('--debug'), io)
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === 'help') {
    const command = COMMANDS.find((each) => each.name === rest[0])
    const text = command === undefined ? overview(COMMANDS) : commandHelp(command)
    await (name === undefined ? io.stderr : io.stdout).write(text)
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  if (name === '--version') {
    await io.stdout.write(`${version()}\n`)
    return EXIT.ok
  }
  const command = COMMANDS.find((each) => each.name === name)
  if (command === undefined) {
    const what = name.startsWith('-') ? `option ${name}` : `command "${name}"`
    throw usageFailure(`meru has no ${what}`, `it has ${COMMANDS.map((each) => each.name).join(', ')}`)
  }
  const args = parseArguments(command, rest)
  if (args.has('help')) {
    await io.stdout.write(commandHelp(command))
    return EXIT.ok
  }
  return await command.run(args, io)
}

async function report(error: unknown, withStack: boolean, io: Io): Promise<ExitCode> {
  if (error instanceof OutputClosed) return EXIT.ok
  const { message, hint, exitCode } = explain(error)
  const lines = [`meru: ${message}`]
  if (hint !== undefined) lines.push(`hint: ${hint}`)
  if (withStack) lines.push(stackOf(error))
  await io.stderr.write(`${lines.join('\n')}\n`)
  return exitCode
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? String(error)
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const found: unknown = Reflect.get(JSON.parse(text) as object, 'version')
  return String(found)
}
