import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findFaults, type Exception } from './tidy.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'meru-tidy-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

/** The faults of a tree with these files, as `kind file:line`. */
function faultsOf(files: Record<string, string>, exceptions: readonly Exception[] = []): string[] {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return findFaults(root, exceptions).map(({ kind, file, line }) => `${kind} ${file}:${line}`)
}

const lines = (count: number, line = '//'): string => `${line}\n`.repeat(count)
const members = (count: number, member: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => member(n)).join('\n')

test('a tree that keeps the rules has no faults', () => {
  const files = {
    'packages/core/src/index.ts': "export { add } from './add.ts'\n",
    'packages/core/src/add.ts': '/** Adds. */\nexport const add = (a: number, b: number): number => a + b\n',
    'packages/wal/src/index.ts': "export { add } from '@meru/core'\n",
    'packages/wal/test/wal.test.ts': "import { seed } from '@meru/testkit'\nimport 'node:fs'\n",
    'packages/wal/vitest.config.ts': "export { default } from '../../vitest.base.ts'\n",
    'packages/fs/src/node-fs.ts': "import { open } from 'node:fs/promises'\nexport const now = Date.now\n",
    'packages/sst/src/compression.ts': "import { crc32 } from 'node:zlib'\n",
    'packages/db/src/worker-pool.ts': "import { Worker } from 'node:worker_threads'\n",
    'packages/db/src/diagnostics.ts': "import { channel } from 'node:diagnostics_channel'\n",
    'packages/db/package.json': '{ "dependencies": { "@meru/wal": "workspace:*", "zod": "1.0.0" } }\n',
    'packages/sst/src/parquet-library.ts': "import { parquetRead } from 'hyparquet'\n",
    'apps/cli/src/inspect.ts': "import { parquetRead } from 'hyparquet'\nimport { x } from '@meru/db'\n",
    'docs/README.md': '# Map\n\nSee [the rules](guide/rules.md#two-words--more) and [it](https://x.test).\n',
    'docs/guide/rules.md': '# Rules\n\n## Two words — more\n\n```md\n# no title [no](link)\n```\n',
  }
  expect(faultsOf(files)).toEqual([])
})

describe('names', () => {
  test.each(['utils', 'string-utils', 'helpers', 'common', 'shared', 'lock-manager', 'types'])(
    'the drawer %s is refused',
    (name) => {
      expect(faultsOf({ [`packages/wal/src/${name}.ts`]: '' })).toEqual([
        `file-name packages/wal/src/${name}.ts:1`,
      ])
    },
  )

  test('a word that only ends like a drawer is a name', () => {
    expect(faultsOf({ 'packages/wal/src/column-types.ts': '' })).toEqual([])
  })

  test('names are kebab-case', () => {
    expect(faultsOf({ 'packages/wal/src/recordWriter.ts': '' })).toEqual([
      'file-name packages/wal/src/recordWriter.ts:1',
    ])
  })

  test('an index below src is refused', () => {
    expect(faultsOf({ 'packages/wal/src/record/index.ts': '' })).toEqual([
      'nested-index packages/wal/src/record/index.ts:1',
    ])
  })
})

describe('exports and imports', () => {
  test('a star export is refused, named or not', () => {
    const text = "export * from './a.ts'\nexport * as b from './b.ts'\nexport type * from './c.ts'\n"
    const file = 'packages/wal/src/index.ts'
    expect(faultsOf({ [file]: text })).toEqual([1, 2, 3].map((line) => `export-star ${file}:${line}`))
  })

  test.each(['export default 1', 'export default class {}', 'const a = 1\nexport { a as default }'])(
    'a default export is refused: %s',
    (text) => {
      const line = text.split('\n').length
      expect(faultsOf({ 'packages/wal/src/a.ts': text })).toEqual([
        `default-export packages/wal/src/a.ts:${line}`,
      ])
    },
  )

  test('an import for its effect is refused', () => {
    expect(faultsOf({ 'packages/wal/src/a.ts': "import '@meru/core'\n" })).toEqual([
      'side-effect-import packages/wal/src/a.ts:1',
    ])
  })
})

describe('sizes', () => {
  test('a source has 400 lines, a test 600', () => {
    const files = {
      'packages/wal/src/fits.ts': lines(400),
      'packages/wal/src/long.ts': lines(401),
      'packages/wal/test/fits.test.ts': lines(600),
      'packages/wal/test/long.test.ts': lines(601),
    }
    expect(faultsOf(files)).toEqual([
      'file-size packages/wal/src/long.ts:401',
      'file-size packages/wal/test/long.test.ts:601',
    ])
  })

  test('a function has 70 lines; describe only groups', () => {
    const files = {
      'packages/wal/src/fits.ts': `export function f(): void {\n${lines(68)}}\n`,
      'packages/wal/src/long.ts': `\nexport const f = (): void => {\n${lines(69)}}\n`,
      'packages/wal/test/a.test.ts': `describe('a', () => {\n${lines(80)}})\n`,
    }
    expect(faultsOf(files)).toEqual(['function-size packages/wal/src/long.ts:2'])
  })

  test('a class has 7 fields and 12 public methods, except facades and ports', () => {
    const methods = members(13, (n) => `m${n}(): void {}`)
    const files = {
      'packages/db/src/fits.ts':
        `export class A {\nstatic s = 0\n${members(7, (n) => `#f${n} = 0`)}\n` +
        `${members(12, (n) => `m${n}(): void {}`)}\nprivate p(): void {}\n#q(): void {}\nconstructor() {}\n}\n`,
      'packages/db/src/methods.ts': `export class A {\n${methods}\n}\n`,
      'packages/db/src/fields.ts': `export class A {\n${members(8, (n) => `private f${n} = 0`)}\n}\n`,
      'packages/db/src/table.ts': `export class Table {\n${methods}\n}\n`,
      'packages/fs/src/node-fs.ts': `export class NodeFs implements FileSystem {\n${methods}\n}\n`,
      'packages/fs/src/other.ts': `export class Other implements Iterable {\n${methods}\n}\n`,
    }
    expect(faultsOf(files)).toEqual([
      'class-size packages/db/src/fields.ts:1',
      'class-size packages/db/src/methods.ts:1',
      'class-size packages/fs/src/other.ts:1',
    ])
  })

  test('only errors inherit', () => {
    const text = 'class A extends Error {}\nclass B extends MeruError {}\nclass C extends Base {}\n'
    expect(faultsOf({ 'packages/wal/src/a.ts': text })).toEqual(['inheritance packages/wal/src/a.ts:3'])
  })
})

describe('comments', () => {
  test.each([
    '// Fixed for #17.',
    '// See issue 17.',
    '/** Left over from the second phase. */',
    '/* A regression once. */',
    '// TODO: faster',
    '// FIXME',
  ])('history is refused: %s', (comment) => {
    expect(faultsOf({ 'packages/wal/src/a.ts': `const a = 1\n${comment}\n` })).toEqual([
      'comment-history packages/wal/src/a.ts:2',
    ])
  })

  test('it is found inside blocks, after code and in templates, at its own line', () => {
    const text =
      'const a = {\n  b: 1, // TODO\n}\n/**\n * One.\n * FIXME two.\n */\nconst c = `${/* TODO */ 1}`\n'
    const file = 'packages/wal/src/a.ts'
    expect(faultsOf({ [file]: text })).toEqual([2, 6, 8].map((line) => `comment-history ${file}:${line}`))
  })

  test('strings are not comments', () => {
    expect(faultsOf({ 'packages/wal/src/a.ts': "const a = '// TODO #17'\n" })).toEqual([])
  })

  test.each(['// const a = 1', "// import { a } from './a.ts'", '// if (a > b) {'])(
    'code is refused: %s',
    (comment) => {
      expect(faultsOf({ 'packages/wal/src/a.ts': `${comment}\n` })).toEqual([
        'commented-code packages/wal/src/a.ts:1',
      ])
    },
  )
})

describe('layers', () => {
  test.each([
    ['upward', 'packages/wal/src/a.ts', '@meru/db'],
    ['sideways', 'packages/wal/src/a.ts', '@meru/memtable'],
    ['sideways, types alone', 'packages/view/src/a.ts', '@meru/compaction'],
    ['by a subpath', 'packages/core/src/a.ts', '@meru/fs/suite'],
    ['of an unknown package', 'packages/wal/src/a.ts', '@meru/unheard'],
    ['of the test kit in product code', 'packages/wal/src/a.ts', '@meru/testkit'],
    ['past the public packages', 'apps/demo/src/a.ts', '@meru/sst'],
    ['of a file of another package', 'packages/wal/src/a.ts', '../../core/src/a.ts'],
  ])('an import %s is refused', (_, file, specifier) => {
    expect(faultsOf({ [file]: `import type { a } from '${specifier}'\n` })).toEqual([`layer ${file}:1`])
  })

  test('so is a dependency', () => {
    const text =
      '{\n  "dependencies": {\n    "@meru/core": "workspace:*",\n    "@meru/view": "workspace:*"\n  }\n}\n'
    expect(faultsOf({ 'packages/sst/package.json': text })).toEqual(['layer packages/sst/package.json:4'])
  })

  test('an import cycle is refused once', () => {
    const files = {
      'packages/wal/src/a.ts': "import { b } from './b.ts'\n",
      'packages/wal/src/b.ts': "\nimport type { c } from './c.ts'\n",
      'packages/wal/src/c.ts': "export { a } from './a.ts'\nimport { b } from './d.ts'\n",
      'packages/wal/src/d.ts': '',
    }
    expect(faultsOf(files)).toEqual(['import-cycle packages/wal/src/c.ts:1'])
  })
})

describe('ports', () => {
  test.each([
    ['packages/wal/src/a.ts', 'node:fs'],
    ['packages/wal/src/a.ts', 'fs'],
    ['packages/sst/src/compression.ts', 'node:fs'],
    ['packages/sst/src/a.ts', 'node:zlib'],
    ['packages/db/src/a.ts', 'node:worker_threads'],
  ])('%s may not import %s', (file, specifier) => {
    expect(faultsOf({ [file]: `import { a } from '${specifier}'\n` })).toEqual([`node-import ${file}:1`])
  })

  test.each([
    'Date.now()',
    'new Date()',
    'Math.random()',
    'performance.now',
    'globalThis.crypto.randomUUID()',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
  ])('product code may not use %s', (expression) => {
    const files = {
      'packages/wal/src/a.ts': `const a = ${expression}\n`,
      'packages/wal/test/a.test.ts': `const a = ${expression}\n`,
      'packages/fs/src/clock.ts': `const a = ${expression}\n`,
    }
    expect(faultsOf(files)).toEqual(['impure packages/wal/src/a.ts:1'])
  })

  test('a date of a known moment is pure', () => {
    expect(faultsOf({ 'packages/wal/src/a.ts': 'const a = new Date(0)\n' })).toEqual([])
  })

  test.each([
    ['hyparquet', 'packages/sst/src/sst-reader.ts'],
    ['hyparquet-writer', 'packages/sst/src/sst-writer.ts'],
    ['avsc', 'packages/iceberg/src/export.ts'],
  ])('%s has one wrapper', (library, file) => {
    expect(faultsOf({ [file]: `import { a } from '${library}'\n` })).toEqual([`library-import ${file}:1`])
  })

  test('a program has one such file too', () => {
    const text = "import { a } from 'hyparquet'\n"
    expect(faultsOf({ 'apps/cli/src/a.ts': text, 'apps/cli/src/b.ts': text })).toEqual([
      'library-import apps/cli/src/b.ts:1',
    ])
  })
})

describe('pages', () => {
  test('a page of the docs has one title', () => {
    const files = {
      'docs/none.md': 'text\n',
      'docs/two.md': '# One\n\n# Two\n',
      'packages/wal/README.md': '',
    }
    expect(faultsOf(files)).toEqual(['page-title docs/none.md:1', 'page-title docs/two.md:1'])
  })

  test('links lead to a file and a heading', () => {
    const files = {
      'README.md': '# A\n\n[a](docs/b.md) [b](docs/none.md)\n[c](docs/b.md#none) [d](#a)\n\n[e]: gone.md\n',
      'docs/b.md': '# B\n',
    }
    expect(faultsOf(files)).toEqual([3, 4, 6].map((line) => `dead-link README.md:${line}`))
  })
})

describe('exceptions', () => {
  const file = 'packages/wal/src/utils.ts'

  test('an exception lets its fault through', () => {
    expect(faultsOf({ [file]: '' }, [{ kind: 'file-name', file }])).toEqual([])
  })

  test('an exception without a fault is a fault', () => {
    expect(faultsOf({}, [{ kind: 'file-name', file }])).toEqual([`stale-exception ${file}:1`])
  })
})
