import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodeProcessProbe } from '../src/index.ts'

const probe = nodeProcessProbe()
const onLinux = existsSync('/proc/self/stat')

async function startedChild(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); process.stdout.write("up")'])
  await once(child.stdout, 'data')
  return child
}

describe('nodeProcessProbe', () => {
  test('the own process is alive', () => {
    expect(probe.pid).toBe(process.pid)
    expect(probe.host).not.toBe('')
    expect(probe.isAlive(probe.pid, probe.startTime)).toBe(true)
    expect(probe.isAlive(probe.pid, '')).toBe(true)
  })

  test('another process is alive until it ends', async () => {
    const child = await startedChild()
    const pid = child.pid as number
    expect(probe.isAlive(pid, '')).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(probe.isAlive(pid, '')).toBe(false)
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 40])('no process has the pid %s', (pid) => {
    expect(probe.isAlive(pid, '')).toBe(false)
  })

  test('two probes of one process agree', () => {
    const facts = { ...probe, isAlive: undefined }
    expect({ ...nodeProcessProbe(), isAlive: undefined }).toEqual(facts)
  })

  test.runIf(onLinux)('a process with the pid of an older one is told from it', async () => {
    expect(probe.startTime).toMatch(/^\d+$/)
    expect(probe.isAlive(probe.pid, String(Number(probe.startTime) - 1))).toBe(false)
    const child = await startedChild()
    expect(probe.isAlive(child.pid as number, probe.startTime)).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  test.runIf(onLinux)('boot and namespace are known, and a name with parentheses does not matter', () => {
    expect(probe.boot).toMatch(/^[0-9a-f-]{36}$/)
    expect(probe.namespace).toMatch(/^pid:/)
    const script =
      'process.title = ") 1 (x) Z 2"; const { nodeProcessProbe } = await import(process.argv[1]);' +
      'const p = nodeProcessProbe(); process.stdout.write(`${p.isAlive(p.pid, p.startTime)} ${/^\\d+$/.test(p.startTime)}`)'
    const source = new URL('../src/process-probe.ts', import.meta.url).href
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script, source], {
      encoding: 'utf8',
    })
    expect(result.stdout).toBe('true true')
  })
})
