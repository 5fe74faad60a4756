/** What the files of Linux's /proc say. Pure functions of their text; see proc(5). */

/** One value of one thing at one moment: `('received_bytes', 'eth0', 1204)`. */
export interface Metric {
  readonly metric: string
  readonly subject: string
  readonly value: number
}

/** A line of the process table, in the units of the file. */
export interface ProcessStat {
  readonly pid: number
  readonly name: string
  readonly state: string
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number
  readonly threads: number
  /** Clock ticks since boot. */
  readonly startTicks: number
  readonly residentPages: number
}

/** Clock ticks of a second. The kernel gives this to programs whatever its own rate is. */
export const TICKS_PER_SECOND = 100

/** `/proc/<pid>/stat`, or `undefined` if the text is none. The name stands in brackets and may hold some itself. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(' ')
  const at = (field: number): number => Number(fields[field - 3])
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0],
    cpuTicks: at(14) + at(15),
    threads: at(20),
    startTicks: at(22),
    residentPages: at(24),
  }
  return Number.isNaN(stat.pid + stat.cpuTicks + stat.startTicks + stat.residentPages) ? undefined : stat
}

/** `/proc/<pid>/cmdline`, its arguments separated by spaces and shortened; `undefined` for kernel threads. */
export function parseCommandLine(text: string, lengthMax: number): string | undefined {
  const line = text.replace(/\0+$/, '').replaceAll('\0', ' ').replace(/\s+/g, ' ').trim()
  if (line === '') return undefined
  return line.length <= lengthMax ? line : `${line.slice(0, lengthMax - 1)}…`
}

/** What people call the program: some runtimes, Node among them, name the thread instead. */
export function programName(name: string, command: string | null): string {
  if (name !== 'MainThread' || command === null) return name
  return command.split(' ')[0].split('/').at(-1) ?? name
}

/** `/proc/stat`: busy and idle seconds of all processors and of each, and counts since boot. */
export function parseStat(text: string): { readonly metrics: Metric[]; readonly bootSeconds: number } {
  const metrics: Metric[] = []
  let bootSeconds = 0
  for (const line of text.split('\n')) {
    const [name, ...rest] = line.split(/\s+/)
    const values = rest.map(Number)
    if (/^cpu\d*$/.test(name) && values.length >= 5) {
      const subject = name === 'cpu' ? 'host' : name
      const idle = values[3] + values[4]
      const busy = values.slice(0, 8).reduce((sum, value) => sum + value, 0) - idle
      metrics.push({ metric: 'cpu_busy_seconds', subject, value: busy / TICKS_PER_SECOND })
      metrics.push({ metric: 'cpu_idle_seconds', subject, value: idle / TICKS_PER_SECOND })
    }
    if (name === 'btime') bootSeconds = values[0]
    if (name === 'ctxt') metrics.push({ metric: 'context_switches', subject: 'host', value: values[0] })
    if (name === 'processes') metrics.push({ metric: 'processes_started', subject: 'host', value: values[0] })
  }
  return { metrics, bootSeconds }
}

/** `/proc/loadavg`. */
export function parseLoad(text: string): Metric[] {
  const values = text.split(' ').slice(0, 3).map(Number)
  if (values.length < 3 || values.some(Number.isNaN)) return []
  return ['load_1m', 'load_5m', 'load_15m'].map((metric, i) => ({
    metric,
    subject: 'host',
    value: values[i],
  }))
}

const MEMORY: Readonly<Record<string, string>> = {
  MemTotal: 'memory_total_bytes',
  MemFree: 'memory_free_bytes',
  MemAvailable: 'memory_available_bytes',
  Cached: 'memory_cached_bytes',
  Dirty: 'memory_dirty_bytes',
}

/** `/proc/meminfo`. */
export function parseMemory(text: string): Metric[] {
  return [...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].flatMap(([, name, kib]) => {
    const metric = MEMORY[name] as string | undefined
    return metric === undefined ? [] : [{ metric, subject: 'host', value: Number(kib) * 1024 }]
  })
}

const SECTOR_BYTES = 512

/** `/proc/diskstats`, without devices that never did anything. */
export function parseDisks(text: string): Metric[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [read, written] = [Number(fields[5]), Number(fields[9])]
    if (fields.length < 14 || Number.isNaN(read + written) || read + written === 0) return []
    const subject = fields[2]
    return [
      { metric: 'disk_read_bytes', subject, value: read * SECTOR_BYTES },
      { metric: 'disk_written_bytes', subject, value: written * SECTOR_BYTES },
    ]
  })
}

/** `/proc/net/dev`. */
export function parseNetwork(text: string): Metric[] {
  return [...text.matchAll(/^\s*([^\s:|]+):\s*(.+)$/gm)].flatMap(([, subject, rest]) => {
    const values = rest.trim().split(/\s+/).map(Number)
    if (values.length < 9) return []
    return [
      { metric: 'net_received_bytes', subject, value: values[0] },
      { metric: 'net_sent_bytes', subject, value: values[8] },
    ]
  })
}
