import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Packages are tested on their sources, so nothing has to be built first.
const conditions = ['@meru/source', 'module', 'node', 'development|production']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@meru/source', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    passWithNoTests: true,
    pool: 'forks',
    maxWorkers: 2,
  },
})

export default config
