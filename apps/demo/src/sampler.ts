import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import {
  parseCommandLine,
  parseDisks,
  parseLoad,
  parseMemory,
  parseNetwork,
  parseProcessStat,
  parseStat,
  programName,
  TICKS_PER_SECOND,
  type Metric,
} from './proc-text.ts'

export interface ProcessSample {
  readonly pid: number
  /** Together with the number this is unique: numbers are given again. */
  readonly started: Date
  readonly name: string
  readonly state: string
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly threads: number | null
  readonly command: string | null
}

/** The computer at one moment. */
export interface HostSample {
  readonly processes: readonly ProcessSample[]
  readonly metrics: readonly Metric[]
}

export interface Sampler {
  /** Where the numbers come from, for people. */
  readonly source: string
  sample(): Promise<HostSample>
}

export function chooseSampler(procRoot = '/proc'): Sampler {
  return existsSync(`${procRoot}/self/stat`) ? new ProcSampler(procRoot) : new PortableSampler()
}

const COMMAND_LENGTH_MAX = 80
/** Reading is synchronous; after so many processes others get a turn. */
const PROCESSES_AT_ONCE = 16

/** Reads /proc. Processes may end between any two reads; those are left out. */
export class ProcSampler implements Sampler {
  readonly source: string
  readonly #root: string
  readonly #pageBytes: number
  /** Command lines by process, for they hardly change. */
  #commands = new Map<string, string | null>()

  constructor(root: string) {
    this.#root = root
    this.source = `${root} on Linux`
    this.#pageBytes = pageBytes(parseProcessStat(read(`${root}/self/stat`) ?? '')?.residentPages)
  }

  async sample(): Promise<HostSample> {
    const { metrics, bootSeconds } = parseStat(read(`${this.#root}/stat`) ?? '')
    const processes: ProcessSample[] = []
    const commands = new Map<string, string | null>()
    const pids = readdirSync(this.#root).filter((name) => /^\d+$/.test(name))
    for (const [index, pid] of pids.entries()) {
      if (index % PROCESSES_AT_ONCE === PROCESSES_AT_ONCE - 1) await setImmediate()
      const stat = parseProcessStat(read(`${this.#root}/${pid}/stat`) ?? '')
      if (stat === undefined) continue
      const identity = `${pid} ${stat.startTicks}`
      const known = this.#commands.get(identity)
      const command = known === undefined ? this.#readCommand(pid) : known
      commands.set(identity, command)
      processes.push({
        pid: stat.pid,
        started: new Date(bootSeconds * 1000 + stat.startTicks * (1000 / TICKS_PER_SECOND)),
        name: programName(stat.name, command),
        state: stat.state,
        cpuSeconds: stat.cpuTicks / TICKS_PER_SECOND,
        rssBytes: stat.residentPages * this.#pageBytes,
        threads: stat.threads,
        command,
      })
    }
    this.#commands = commands
    return {
      processes,
      metrics: [
        ...metrics,
        ...parseLoad(read(`${this.#root}/loadavg`) ?? ''),
        ...parseMemory(read(`${this.#root}/meminfo`) ?? ''),
        ...parseDisks(read(`${this.#root}/diskstats`) ?? ''),
        ...parseNetwork(read(`${this.#root}/net/dev`) ?? ''),
      ],
    }
  }

  #readCommand(pid: string): string | null {
    return parseCommandLine(read(`${this.#root}/${pid}/cmdline`) ?? '', COMMAND_LENGTH_MAX) ?? null
  }
}

/** What Node itself knows: this process, and the host's processors and memory. */
export class PortableSampler implements Sampler {
  readonly source: string = `node:os on ${process.platform}`
  readonly #started = new Date(Date.now() - Math.round(process.uptime() * 1000))

  sample(): Promise<HostSample> {
    const { user, system } = process.cpuUsage()
    const self: ProcessSample = {
      pid: process.pid,
      started: this.#started,
      name: process.title.slice(0, COMMAND_LENGTH_MAX),
      state: 'R',
      cpuSeconds: (user + system) / 1e6,
      rssBytes: process.memoryUsage.rss(),
      threads: null,
      command: process.argv.join(' ').slice(0, COMMAND_LENGTH_MAX),
    }
    const [one, five, fifteen] = loadavg()
    const host = { load_1m: one, load_5m: five, load_15m: fifteen, processors: availableParallelism() }
    const memory = { memory_total_bytes: totalmem(), memory_free_bytes: freemem() }
    return Promise.resolve({
      processes: [self],
      metrics: [
        ...Object.entries({ ...host, ...memory }).map(([metric, value]) => ({
          metric,
          subject: 'host',
          value,
        })),
        ...cpus().flatMap(({ times }, index) => [
          {
            metric: 'cpu_busy_seconds',
            subject: `cpu${index}`,
            value: (times.user + times.sys + times.nice) / 1000,
          },
          { metric: 'cpu_idle_seconds', subject: `cpu${index}`, value: times.idle / 1000 },
        ]),
      ],
    })
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** The size of a page is found by comparing this process's memory in pages and in bytes. */
function pageBytes(pages: number | undefined): number {
  if (pages === undefined || pages === 0) return 4096
  return Math.max(4096, 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages)))
}
