import { GENERAL_OPTIONS, shown, type Command, type OptionSpec } from './command.ts'

const WIDTH = 80

/** What `meru` and `meru --help` print. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'usage: meru <command> …',
    '',
    'Tables in a directory: written by key, stored as Parquet, readable as Iceberg.',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '"meru <command> --help" tells more. Results go to stdout, messages to stderr.',
    'Exit codes: 0 done, 1 failed or damage found, 2 wrong command line, 3 database in',
    'use, 4 no such row, 130 interrupted.',
    '',
  ].join('\n')
}

/** What `meru <command> --help` prints. */
export function commandHelp(command: Command): string {
  const options = { ...command.options, ...GENERAL_OPTIONS }
  const parts = [
    `usage: meru ${command.name} ${command.positionals.map(shown).join(' ')} [options]`,
    '',
    ...wrap(`${command.summary}.`, ''),
    ...command.notes.flatMap((note) => ['', ...wrap(note, '')]),
    '',
    ...optionLines(options),
  ]
  if (command.examples.length > 0) {
    parts.push('', 'Examples:', ...command.examples.map((example) => `  ${example}`))
  }
  return `${parts.join('\n')}\n`
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string[] {
  const heads = Object.entries(options).map(([name, { value }]) =>
    value === undefined ? `--${name}` : `--${name} ${value}`,
  )
  const width = Math.max(...heads.map((head) => head.length))
  return Object.values(options).flatMap(({ help }, index) => {
    const lines = wrap(help, ' '.repeat(width + 4))
    return [`  ${heads[index].padEnd(width)}  ${lines[0].trimStart()}`, ...lines.slice(1)]
  })
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > WIDTH && line !== indent) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}
