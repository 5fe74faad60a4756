import { expect, test } from 'vitest'
import {
  parseCommandLine,
  parseDisks,
  parseLoad,
  parseMemory,
  parseNetwork,
  parseProcessStat,
  parseStat,
  programName,
} from '../src/proc-text.ts'

const STAT =
  '4127 (node) S 4100 4127 4100 34816 4127 4194304 52814 0 12 0 1830 264 0 0 20 0 11 0 918273 1297305600 21503 ' +
  '18446744073709551615 4194304 89123456 140722 0 0 0 0 4096 134300162 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n'

test('a process is read from its stat line', () => {
  expect(parseProcessStat(STAT)).toEqual({
    pid: 4127,
    name: 'node',
    state: 'S',
    cpuTicks: 1830 + 264,
    threads: 11,
    startTicks: 918273,
    residentPages: 21503,
  })
})

test.each(['(sd-pam)', 'a ) S 1 (b', 'tmux: server', ''])(
  'a process named %j is told from the fields behind',
  (name) => {
    expect(parseProcessStat(STAT.replace('(node)', `(${name})`))).toMatchObject({
      name,
      state: 'S',
      threads: 11,
    })
  },
)

test.each(['', '4127', '4127 (node', '4127 (node) S 1 2'])('%j is no process', (text) => {
  expect(parseProcessStat(text)).toBeUndefined()
})

test('arguments are separated by spaces and cut', () => {
  expect(parseCommandLine('node\0--flag\0a b\0', 80)).toBe('node --flag a b')
  expect(parseCommandLine(`x\0${'y'.repeat(100)}\0`, 10)).toBe('x yyyyyyy…')
  expect(parseCommandLine('', 80)).toBeUndefined()
})

test('a program that names its threads is called by its command', () => {
  expect(programName('MainThread', '/usr/bin/node server.js')).toBe('node')
  expect(programName('MainThread', null)).toBe('MainThread')
  expect(programName('bash', '/bin/bash -l')).toBe('bash')
})

test('processor times are summed into busy and idle seconds', () => {
  const text = `cpu  1000 20 300 5000 100 0 30 50 0 0
cpu0 600 20 100 2400 100 0 30 50 0 0
cpu1 400 0 200 2600 0 0 0 0 0 0
intr 1462898 0 9 0
ctxt 1990473
btime 1795123456
processes 2915
procs_running 1
`
  const { metrics, bootSeconds } = parseStat(text)
  expect(bootSeconds).toBe(1_795_123_456)
  expect(metrics).toEqual([
    { metric: 'cpu_busy_seconds', subject: 'host', value: 14 },
    { metric: 'cpu_idle_seconds', subject: 'host', value: 51 },
    { metric: 'cpu_busy_seconds', subject: 'cpu0', value: 8 },
    { metric: 'cpu_idle_seconds', subject: 'cpu0', value: 25 },
    { metric: 'cpu_busy_seconds', subject: 'cpu1', value: 6 },
    { metric: 'cpu_idle_seconds', subject: 'cpu1', value: 26 },
    { metric: 'context_switches', subject: 'host', value: 1_990_473 },
    { metric: 'processes_started', subject: 'host', value: 2915 },
  ])
})

test('load, memory, disks and networks are read; what is silent or unknown is left out', () => {
  expect(parseLoad('0.52 0.58 0.59 1/467 11923\n').map(({ value }) => value)).toEqual([0.52, 0.58, 0.59])
  expect(parseLoad('')).toEqual([])
  expect(
    parseMemory('MemTotal:       8049292 kB\nMemFree:  52 kB\nHugePages_Total:   0\nSlab: 7 kB\n'),
  ).toEqual([
    { metric: 'memory_total_bytes', subject: 'host', value: 8_049_292 * 1024 },
    { metric: 'memory_free_bytes', subject: 'host', value: 52 * 1024 },
  ])
  const disks = `   8       0 sda 8351 2213 627306 4226 5121 7015 1188306 8171 0 9420 12698 0 0 0 0
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
`
  expect(parseDisks(disks)).toEqual([
    { metric: 'disk_read_bytes', subject: 'sda', value: 627_306 * 512 },
    { metric: 'disk_written_bytes', subject: 'sda', value: 1_188_306 * 512 },
  ])
  const network = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1138     12    0    0    0     0          0         0     1138     12    0    0    0     0       0          0
 eth0:8112   90 0 0 0 0 0 0 4096 40 0 0 0 0 0 0
`
  expect(parseNetwork(network)).toEqual([
    { metric: 'net_received_bytes', subject: 'lo', value: 1138 },
    { metric: 'net_sent_bytes', subject: 'lo', value: 1138 },
    { metric: 'net_received_bytes', subject: 'eth0', value: 8112 },
    { metric: 'net_sent_bytes', subject: 'eth0', value: 4096 },
  ])
})
