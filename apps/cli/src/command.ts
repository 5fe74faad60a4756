import { parseArgs } from 'node:util'
import { codeOf, usageFailure, type ExitCode } from './failure.ts'
import type { Io } from './io.ts'

export interface OptionSpec {
  /** What the help calls its value; a flag has none. */
  readonly value?: string
  readonly help: string
  /** It may be given several times. */
  readonly multiple?: boolean
}

export interface Command {
  readonly name: string
  readonly summary: string
  /** Names of the positional arguments, `[x]` for optional ones, `x…` for one or more. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Paragraphs of the help, each one line. */
  readonly notes: readonly string[]
  readonly examples: readonly string[]
  readonly run: (args: Arguments, io: Io) => Promise<ExitCode>
}

/** Options that every command has. */
export const GENERAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  json: { help: 'print JSON on stdout' },
  quiet: { help: 'no progress and no messages except errors' },
  debug: { help: 'print the stack of an error' },
  help: { help: 'print this help' },
}

/** A command line, taken apart by the command's own options. */
export class Arguments {
  readonly positionals: readonly string[]
  readonly #values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

  constructor(positionals: readonly string[], values: Arguments['allValues']) {
    this.positionals = positionals
    this.#values = values
  }

  get allValues(): Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>> {
    return this.#values
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== false
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
  }

  /** A whole number from 1. */
  count(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
    throw usageFailure(`--${name}: "${text}" is not a whole number from 1`)
  }

  /** Values that are separated by commas, or given one by one. */
  list(name: string): readonly string[] {
    return this.texts(name)
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== '')
  }
}

/** Throws a usage failure that names what is wrong and where to look. */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const specs = { ...command.options, ...GENERAL_OPTIONS }
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, multiple }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple: multiple === true },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options,
      allowPositionals: true,
      strict: true,
    })
    const args = new Arguments(positionals, values)
    if (!args.has('help')) checkPositionals(command, positionals)
    return args
  } catch (error) {
    if (codeOf(error)?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    const message = error instanceof Error ? error.message : String(error)
    const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1]
    if (unknown !== undefined) throw unknownOption(command, unknown, Object.keys(specs))
    throw usageFailure(message.split(/[.\n] /)[0].replace(/\.$/, ''), helpHint(command))
  }
}

export function helpHint(command: Command): string {
  return `"meru ${command.name} --help" lists the options`
}

function unknownOption(command: Command, option: string, known: readonly string[]): Error {
  if (/^-\d/.test(option)) {
    return usageFailure(`"${option}" looks like an option`, `put "--" before values that start with "-"`)
  }
  const near = known.find((name) => distance(name, option.replace(/^-+/, '')) <= 2)
  const hint = near === undefined ? helpHint(command) : `did you mean --${near}?`
  return usageFailure(`meru ${command.name} has no option ${option}`, hint)
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const needed = command.positionals.filter((name) => !name.startsWith('['))
  const hint = `usage: meru ${command.name} ${command.positionals.map(shown).join(' ')}`
  if (given.length < needed.length) throw usageFailure(`${shown(needed[given.length])} is missing`, hint)
  const isOpen = command.positionals.at(-1)?.endsWith('…') === true
  if (given.length > command.positionals.length && !isOpen) {
    throw usageFailure(`"${given[command.positionals.length]}" is one argument too many`, hint)
  }
}

/** `<file>`, `<key>…`, `[table]`. */
export function shown(positional: string): string {
  if (positional.startsWith('[')) return positional
  return positional.endsWith('…') ? `<${positional.slice(0, -1)}>…` : `<${positional}>`
}

/** How many letters to insert, remove or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}
