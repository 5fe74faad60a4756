import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import { LongFiles } from './scripts/long-files.ts'
import base from './vitest.base.ts'

const scripts = mergeConfig(base, { test: { name: 'scripts', root: './scripts', include: ['*.test.ts'] } })

/** Where the results go as JSON too, if anywhere. */
const report = process.env['MERU_TEST_REPORT']

/** The whole workspace in one run, with one closing line. */
const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', new LongFiles(), ...(report === undefined ? [] : ['json'])],
    outputFile: report === undefined ? {} : { json: report },
    projects: ['packages/*/vitest.config.ts', 'apps/*/vitest.config.ts', 'bench/vitest.config.ts', scripts],
  },
})

export default config
