// The TypeScript on the pages for users: it type-checks, it runs, and it prints what the page says.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import ts from 'typescript'
import { afterAll, describe, expect, test } from 'vitest'
import { expectedOutput, extractPrograms } from './docs-programs.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGES = ['README.md', ...globSync('docs/guide/*.md', { cwd: ROOT }), 'packages/db/README.md']
  .filter((page) => existsSync(join(ROOT, page)))
  .toSorted()

/** A directory outside of the workspace in which the packages are installed, as a user's project would be. */
const project = mkdtempSync(join(tmpdir(), 'meru-docs-'))
afterAll(() => rmSync(project, { recursive: true, force: true }))
installPackages()

const programs = PAGES.flatMap((page) =>
  extractPrograms(readFileSync(join(ROOT, page), 'utf8')).map((program) => {
    const name = `${page.replace(/\W+/g, '-')}-${program.line}`
    const file = join(project, `${name}.ts`)
    writeFileSync(file, program.code)
    return { ...program, page, name, file }
  }),
)

test('there are programs to run', () => {
  expect(programs.length).toBeGreaterThan(0)
})

test('a program is the code of its block at the lines of the page', () => {
  const page = [
    '# Page',
    '```ts',
    'const a = 1',
    '```',
    'text',
    '```ts continued',
    'a // → 1',
    '```',
    '```sh',
    'ls',
    '```',
  ]
  const [program, ...others] = extractPrograms(page.join('\n'))
  expect(others).toEqual([])
  expect(program.code.split('\n')).toEqual(['', '', 'const a = 1', '', '', '', 'a // → 1', ''])
  expect(expectedOutput(program.code)).toEqual(['1'])
})

test('the programs type-check', () => {
  const base = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (path) => readFileSync(path, 'utf8'))
  const parsed = ts.parseJsonConfigFileContent(base.config, ts.sys, ROOT)
  const files = programs.map(({ file }) => file)
  const compiled = ts.createProgram(files, {
    ...parsed.options,
    typeRoots: [join(ROOT, 'node_modules/@types')],
    // Pages show names that they do not use again. A library may export a table, so declarations must do.
    noUnusedLocals: false,
    declaration: true,
    isolatedDeclarations: false,
  })
  const faults = files.flatMap((file) => ts.getPreEmitDiagnostics(compiled, compiled.getSourceFile(file)))
  expect(faults.map((fault) => describeFault(fault))).toEqual([])
}, 120_000)

describe.each(PAGES.filter((page) => programs.some((program) => program.page === page)))('%s', (page) => {
  const own = programs.filter((program) => program.page === page)
  test.each(own)(
    'the program at line $line runs and prints what it says',
    ({ name, file, code }) => {
      const cwd = join(project, name)
      mkdirSync(cwd)
      const result = spawnSync(process.execPath, [...process.execArgv, file], {
        cwd,
        encoding: 'utf8',
      })
      expect(result.stderr).toBe('')
      expect(result.status).toBe(0)
      const expected = expectedOutput(code)
      const printed = result.stdout.trimEnd().split('\n')
      expect(expected.length === 0 ? [] : printed).toEqual(expected)
    },
    60_000,
  )
})

function describeFault({ file, start, messageText }: ts.Diagnostic): string {
  const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1
  return `${basename(file?.fileName ?? '')}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
}

/** Links what a user of the engine installs into the project, and no more. */
function installPackages(): void {
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n')
  const link = (target: string, name: string): void => {
    const path = join(project, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    if (existsSync(target)) symlinkSync(target, path, 'junction')
  }
  link(join(ROOT, 'packages/db'), '@meru/db')
  link(join(ROOT, 'packages/formats'), '@meru/formats')
  link(join(ROOT, 'apps/demo/node_modules/@duckdb/node-api'), '@duckdb/node-api')
  link(join(ROOT, 'apps/demo/node_modules/icebird'), 'icebird')
  link(join(ROOT, 'packages/core/node_modules/zod'), 'zod')
}
