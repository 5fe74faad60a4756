import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** The own process, and whether another one on the same machine is alive. Swapped in tests. */
export interface ProcessProbe {
  readonly pid: number
  /** Name of the machine. Names may change, and two machines may share one. */
  readonly host: string
  /** Names one run of one machine; empty if that is not known. */
  readonly boot: string
  /** The space in which a pid means one process, such as a container; empty if that is not known. */
  readonly namespace: string
  /** When this process started: differs from that of a later process with the same pid; empty if not known. */
  readonly startTime: string
  /** Whether the process with this pid and start time is alive. An empty start time matches any. */
  isAlive(pid: number, startTime: string): boolean
}

const PID_MAX = 2 ** 31 - 1

/**
 * The processes of the operating system. Only Linux tells boot, namespace and start times; elsewhere they
 * are empty, and a new process with an old pid passes for the old one.
 */
export function nodeProcessProbe(): ProcessProbe {
  return {
    pid: process.pid,
    host: hostname(),
    boot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    namespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
    startTime: processStat(process.pid)?.startTime ?? '',
    isAlive,
  }
}

function isAlive(pid: number, startTime: string): boolean {
  // Zero and negative pids name groups of processes.
  if (!Number.isInteger(pid) || pid < 1 || pid > PID_MAX || !exists(pid)) return false
  const stat = processStat(pid)
  if (stat === undefined) return true
  // A zombie runs no more; its parent has not asked for its exit code yet.
  if (stat.state === 'Z' || stat.state === 'X') return false
  return startTime === '' || stat.startTime === startTime
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Anything but "no such process" (not permitted, say) means that there is one.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** State and start time (clock ticks since boot) of a process, where Linux tells them. */
function processStat(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const startTime = fields[19]
  return state === undefined || startTime === undefined ? undefined : { state, startTime }
}

function attempt(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
