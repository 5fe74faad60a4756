import { fileURLToPath } from 'node:url'
import { defineProject, type UserWorkspaceConfig } from 'vitest/config'

// Packages are tested on their sources, so nothing has to be built first.
const conditions = ['@meru/source', 'module', 'node', 'development|production']

/** What every package's tests run under; `packages/x/vitest.config.ts` hands it on. */
const base: UserWorkspaceConfig = defineProject({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@meru/source', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Stated: on two cores Vitest would leave one idle, and only a project's own value counts.
    maxWorkers: 2,
    globalSetup: fileURLToPath(new URL('scripts/worker-bundle.ts', import.meta.url)),
    // Threads and processes that a test starts load the sources through Node itself.
    execArgv: ['--conditions=@meru/source', `--import=${new URL('scripts/source.js', import.meta.url).href}`],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})

export default base
