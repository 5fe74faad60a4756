// The rules of the tree that a compiler does not know: `pnpm tidy`. CONTRIBUTING.md gives the reasons.
import { resolve } from 'node:path'
import { checkComments } from './tidy/comments.ts'
import { checkCycles, checkLayers, checkManifest } from './tidy/layers.ts'
import { checkNames } from './tidy/names.ts'
import { checkPage } from './tidy/pages.ts'
import { checkClock, checkExports, checkNodeImports, checkWrappers } from './tidy/purity.ts'
import { checkSizes } from './tidy/sizes.ts'
import { listFiles, readSource, type Fault } from './tidy/source.ts'

export interface Exception {
  readonly kind: string
  readonly file: string
}

/** What is let through, for now. The list may only shrink: an entry that lets nothing through is a fault. */
const EXCEPTIONS: readonly Exception[] = []

const PER_FILE = [
  checkNames,
  checkSizes,
  checkComments,
  checkLayers,
  checkNodeImports,
  checkClock,
  checkExports,
]

/** Every fault below `root`, in the order of the files. */
export function findFaults(root: string, exceptions: readonly Exception[]): Fault[] {
  const files = listFiles(root)
  const sources = files.filter((file) => file.endsWith('.ts')).map((file) => readSource(root, file))
  const faults = [
    ...sources.flatMap((source) => PER_FILE.flatMap((check) => check(source))),
    ...checkCycles(sources),
    ...checkWrappers(sources),
    ...files.filter((file) => /(^|\/)package\.json$/.test(file)).flatMap((file) => checkManifest(root, file)),
    ...files.filter((file) => file.endsWith('.md')).flatMap((file) => checkPage(root, file)),
  ]
  const unused = exceptions
    .filter((exception) => !faults.some((fault) => covers(exception, fault)))
    .map(({ kind, file }) => ({
      kind: 'stale-exception',
      file,
      line: 1,
      message: `nothing of kind ${kind} is left; remove the exception`,
    }))
  return [...faults.filter((fault) => !exceptions.some((e) => covers(e, fault))), ...unused]
}

function covers(exception: Exception, fault: Fault): boolean {
  return exception.kind === fault.kind && exception.file === fault.file
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  const faults = findFaults(root, EXCEPTIONS)
  for (const { kind, file, line, message } of faults) console.error(`${file}:${line}  ${kind}: ${message}`)
  console.log(faults.length === 0 ? 'The tree is tidy.' : `${faults.length} faults.`)
  if (faults.length > 0) process.exitCode = 1
}
