// Everything that must hold before a change goes in. All steps run, so that one run shows every fault;
// the tests come last, so that their closing line does too.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const scratch = mkdtempSync(join(tmpdir(), 'meru-check-'))
const report = join(scratch, 'tests.json')

const steps: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'oxfmt', '--check'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['tidy', process.execPath, 'scripts/tidy.ts'],
  [
    'types, build, publint',
    process.execPath,
    'scripts/turbo.ts',
    ...['typecheck', '//#typecheck:root', 'build', 'publint', '--continue', '--output-logs=errors-only'],
  ],
  ['tests', 'vitest', 'run'],
]

/** A step that takes longer than this hangs. */
const STEP_MINUTES_MAX = 45

const failed: string[] = []
for (const [name, program, ...args] of steps) {
  console.log(`\n── ${name}`)
  const started = process.hrtime.bigint()
  const result = spawnSync(program, args, {
    stdio: 'inherit',
    timeout: STEP_MINUTES_MAX * 60_000,
    env: { ...process.env, MERU_TEST_REPORT: report },
  })
  if (result.error) console.error(result.error.message)
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
  const passed = result.status === 0
  console.log(`── ${name}: ${passed ? 'ok' : 'FAILED'} in ${seconds.toFixed(1)} s`)
  if (!passed) failed.push(name)
}

if (failed.length > 0) {
  console.error(`\ncheck failed: ${failed.join('; ')}`)
  process.exitCode = 1
}
printTestCounts()
rmSync(scratch, { recursive: true, force: true })

function printTestCounts(): void {
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>
    console.log(`${counts['numPassedTests']} passed, ${counts['numFailedTests']} failed`)
  } catch {
    console.error('The tests left no report.')
    process.exitCode = 1
  }
}
