/** The own process, and whether another one on the same machine is alive. `nodeProcessProbe` of `@meru/fs` is one. */
export interface ProcessProbe {
  readonly pid: number
  /** Name of the machine, for messages and to tell machines apart. */
  readonly host: string
  /** Changes when the machine starts anew; empty if that is not known. */
  readonly boot: string
  /** The space in which a pid means one process, such as a container; empty if that is not known. */
  readonly namespace: string
  /** When this process started, in any form that differs from that of a later process with its pid; empty if not known. */
  readonly startTime: string
  /** Whether the process that had this pid and start time is alive. An empty start time matches any. */
  isAlive(pid: number, startTime: string): boolean
}
