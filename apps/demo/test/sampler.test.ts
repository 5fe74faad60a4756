import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { chooseSampler, PortableSampler, ProcSampler } from '../src/sampler.ts'
import { scratchDirectory } from './scratch.ts'

function stat(pid: number, name: string, startTicks: number): string {
  return `${pid} (${name}) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 ${startTicks} 1000 25 0 0\n`
}

function procDirectory(files: Readonly<Record<string, string>>): string {
  const root = scratchDirectory()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const HOST = { stat: 'cpu 100 0 0 300 0 0 0 0 0 0\nbtime 1000\n', loadavg: '1 2 3 1/1 1\n', 'self/stat': '' }

test('processes and measurements are read from a /proc', async () => {
  const root = procDirectory({
    ...HOST,
    '17/stat': stat(17, 'one', 250),
    '17/cmdline': 'one\0-x\0',
    '18/stat': stat(18, 'kernel', 0),
    '18/cmdline': '',
    '19/cmdline': 'ended before its stat was read',
    'not-a-pid/stat': stat(20, 'no', 0),
  })
  const { processes, metrics } = await new ProcSampler(root).sample()
  expect(processes).toEqual([
    {
      pid: 17,
      started: new Date(1002_500),
      name: 'one',
      state: 'S',
      cpuSeconds: 2,
      rssBytes: 25 * 4096,
      threads: 3,
      command: 'one -x',
    },
    expect.objectContaining({ pid: 18, started: new Date(1000_000), command: null }),
  ])
  expect(metrics).toContainEqual({ metric: 'load_15m', subject: 'host', value: 3 })
})

test('a number that is given again is another process', async () => {
  const root = procDirectory({ ...HOST, '17/stat': stat(17, 'one', 1), '17/cmdline': 'first\0' })
  const sampler = new ProcSampler(root)
  const [first] = (await sampler.sample()).processes
  writeFileSync(join(root, '17/stat'), stat(17, 'two', 2))
  writeFileSync(join(root, '17/cmdline'), 'second\0')
  const [second] = (await sampler.sample()).processes
  expect([first.command, second.command]).toEqual(['first', 'second'])
  expect(second.started.getTime()).toBe(first.started.getTime() + 10)
  rmSync(join(root, '17'), { recursive: true })
  expect((await sampler.sample()).processes).toEqual([])
})

test('without /proc the sampler tells of this process and of the host', async () => {
  const sampler = chooseSampler(join(scratchDirectory(), 'absent'))
  expect(sampler).toBeInstanceOf(PortableSampler)
  const [first, second] = [await sampler.sample(), await sampler.sample()]
  expect(first.processes).toHaveLength(1)
  expect(first.processes[0]).toMatchObject({ pid: process.pid, started: second.processes[0].started })
  expect(first.processes[0].rssBytes).toBeGreaterThan(1 << 20)
  const names = new Set(first.metrics.map(({ metric }) => metric))
  expect(names).toContain('memory_free_bytes')
  expect(names).toContain('cpu_busy_seconds')
})

test('the sampler of this computer sees this process', async () => {
  const { processes } = await chooseSampler().sample()
  const own = processes.find(({ pid }) => pid === process.pid)
  expect(own).toBeDefined()
  const rss = process.memoryUsage.rss()
  expect(own?.rssBytes).toBeGreaterThan(rss / 4)
  expect(own?.rssBytes).toBeLessThan(rss * 4)
})
