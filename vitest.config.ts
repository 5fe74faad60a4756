import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import base from './vitest.base.ts'

const scripts = mergeConfig(base, { test: { name: 'scripts', root: './scripts', include: ['*.test.ts'] } })

/** The whole workspace in one run, with one closing line. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: ['packages/*/vitest.config.ts', 'apps/*/vitest.config.ts', 'bench/vitest.config.ts', scripts],
  },
})

export default config
