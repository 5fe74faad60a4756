// Runs turbo without its reports to the outside: `node scripts/turbo.ts build typecheck`.
import { spawnSync } from 'node:child_process'

const env = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
}
const result = spawnSync('turbo', ['run', ...process.argv.slice(2)], { stdio: 'inherit', env })
if (result.error) throw result.error
process.exitCode = result.status ?? 1
