/**
 * The protocol of one writer as a model: what `claimEpoch`, `checkEpoch` and `Manifest` do beside a log,
 * one atomic call of the file system at a time. A process may sleep before any call.
 */

/** Other forms of the protocol. All but the first are simplifications that lose acknowledged writes. */
export interface Variant {
  /** Read the logs after the takeover, as the code does, which cannot be forced to start over then. */
  readonly replayLast?: boolean
  /** Acknowledge without looking at the epochs. */
  readonly noCheck?: boolean
  /** Look at the epochs before the append instead of after it. */
  readonly checkBeforeAppend?: boolean
  /** Read the logs of older writers before claiming the epoch. */
  readonly readBeforeClaim?: boolean
  /** Before an acknowledgement look only whether the own epoch is still there. */
  readonly ownName?: boolean
  /** Look for the next epoch only, not for the highest. */
  readonly checkNextEpochOnly?: boolean
  /** One file with the epoch in it, overwritten, instead of a name for each epoch. */
  readonly pointerFile?: boolean
}

export interface ModelManifest {
  readonly epoch: number
  readonly rows: readonly number[]
  /** Epoch of the first log that is needed. */
  readonly floor: number
}

export interface ModelFiles {
  readonly epochs: readonly number[]
  readonly manifests: Readonly<Record<number, ModelManifest>>
  /** The log of each epoch. */
  readonly logs: Readonly<Record<number, readonly number[]>>
}

export type ModelStep =
  | ('claim' | 'create' | 'recheck' | 'prune' | 'load' | 'replay' | 'takeOver' | 'confirm')
  | ('ready' | 'append' | 'check' | 'acknowledge' | 'flush' | 'collect' | 'end')

export interface ModelProcess {
  readonly number: number
  readonly at: ModelStep
  /** Writes still to make. */
  readonly left: number
  /** Whether it flushes after its writes, and removes old manifests. */
  readonly flushes: boolean
  readonly epoch?: number
  /** Id of the newest manifest that it knows. */
  readonly manifest?: number
  /** Rows read while opening, and the logs still to read. */
  readonly read?: readonly number[] | undefined
  readonly unread?: readonly number[] | undefined
  /** Where the logs start that are not read yet. */
  readonly floor?: number | undefined
  /** Every row that it knows. */
  readonly rows?: readonly number[]
  /** The row that it appended last. */
  readonly appended?: number
}

export interface Outcome {
  readonly files: ModelFiles
  readonly process: ModelProcess
  readonly acknowledged?: number | undefined
}

const highest = (files: ModelFiles): number => Math.max(...files.epochs)

function newest(files: ModelFiles): readonly [id: number, manifest: ModelManifest] {
  const id = Math.max(...Object.keys(files.manifests).map(Number))
  return [id, files.manifests[id]]
}

function logsFrom(files: ModelFiles, floor: number): number[] {
  return Object.keys(files.logs)
    .map(Number)
    .filter((epoch) => epoch >= floor)
}

/** The rows that a writer would find now. */
export function recoverable(files: ModelFiles): Set<number> {
  const [, { rows, floor }] = newest(files)
  return new Set([...rows, ...logsFrom(files, floor).flatMap((epoch) => files.logs[epoch])])
}

function isFenced(files: ModelFiles, epoch: number, variant: Variant): boolean {
  return variant.checkNextEpochOnly ? files.epochs.includes(epoch + 1) : highest(files) > epoch
}

/** One call of the file system by one process. */
export function step(files: ModelFiles, process: ModelProcess, variant: Variant): Outcome {
  switch (process.at) {
    case 'claim':
    case 'create':
    case 'recheck':
    case 'prune':
      return claimStep(files, process, variant)
    case 'load':
    case 'replay':
    case 'takeOver':
    case 'confirm':
      return takeoverStep(files, process, variant)
    default:
      return writeStep(files, process, variant)
  }
}

function claimStep(files: ModelFiles, process: ModelProcess, variant: Variant): Outcome {
  const { epoch = 0 } = process
  switch (process.at) {
    case 'claim': {
      const claimed: ModelProcess = { ...process, at: 'create', epoch: highest(files) + 1 }
      if (!variant.readBeforeClaim) return { files, process: claimed }
      const [manifest, { rows }] = newest(files)
      return {
        files,
        process: { ...claimed, manifest, read: [...new Set([...rows, ...recoverable(files)])] },
      }
    }
    case 'create': {
      if (files.epochs.includes(epoch) && !variant.pointerFile)
        return { files, process: { ...process, at: 'end' } }
      const epochs = variant.pointerFile ? [epoch] : [...files.epochs, epoch].toSorted((a, b) => a - b)
      return { files: { ...files, epochs }, process: { ...process, at: 'recheck' } }
    }
    case 'recheck':
      return { files, process: { ...process, at: isFenced(files, epoch, variant) ? 'end' : 'prune' } }
    default: {
      const epochs = files.epochs.filter((other) => other >= epoch)
      const at = variant.readBeforeClaim ? 'takeOver' : 'load'
      return { files: { ...files, epochs }, process: { ...process, at } }
    }
  }
}

function takeoverStep(files: ModelFiles, process: ModelProcess, variant: Variant): Outcome {
  const { epoch = 0, manifest = 0, read = [], unread = [] } = process
  const logsToRead = (floor: number): number[] => logsFrom(files, floor).filter((log) => log < epoch)
  switch (process.at) {
    case 'load': {
      const [id, { rows, floor, epoch: other }] = newest(files)
      if (other >= epoch) return { files, process: { ...process, at: 'end' } }
      if (variant.replayLast)
        return { files, process: { ...process, at: 'takeOver', manifest: id, read: rows, floor } }
      return {
        files,
        process: { ...process, at: 'replay', manifest: id, read: rows, unread: logsToRead(floor) },
      }
    }
    case 'replay': {
      const found = unread.length === 0 ? [] : files.logs[unread[0]].filter((row) => !read.includes(row))
      const rows = [...read, ...found]
      if (unread.length > 1) return { files, process: { ...process, read: rows, unread: unread.slice(1) } }
      if (!variant.replayLast)
        return { files, process: { ...process, at: 'takeOver', read: rows, unread: [] } }
      return { files, process: { ...process, at: 'ready', rows, read: undefined, unread: undefined } }
    }
    case 'takeOver': {
      const id = manifest + 1
      if (files.manifests[id] !== undefined) return { files, process: { ...process, at: 'load' } }
      const manifests = { ...files.manifests, [id]: { epoch, rows: read, floor: process.floor ?? epoch } }
      const after = { ...files, manifests }
      if (variant.replayLast) return { files: after, process: { ...process, at: 'confirm', manifest: id } }
      const opened = { at: 'confirm', manifest: id, rows: read, read: undefined, unread: undefined } as const
      return { files: after, process: { ...process, ...opened } }
    }
    default: {
      if (isFenced(files, epoch, variant)) return { files, process: { ...process, at: 'end' } }
      const logs = { ...files.logs, [epoch]: files.logs[epoch] ?? [] }
      const after = { ...files, logs }
      if (process.floor === undefined) return { files: after, process: { ...process, at: 'ready' } }
      const replaying = { at: 'replay', unread: logsToRead(process.floor), floor: undefined } as const
      return { files: after, process: { ...process, ...replaying } }
    }
  }
}

function writeStep(files: ModelFiles, process: ModelProcess, variant: Variant): Outcome {
  const { epoch = 0, manifest = 0, rows = [] } = process
  const fenced = isFenced(files, epoch, variant)
  switch (process.at) {
    case 'ready': {
      if (process.left === 0) return { files, process: { ...process, at: process.flushes ? 'flush' : 'end' } }
      if (!variant.checkBeforeAppend) return append(files, process, 'check')
      return { files, process: { ...process, at: fenced ? 'end' : 'append' } }
    }
    case 'append':
      return append(files, process, 'acknowledge')
    case 'check': {
      const isLate = variant.ownName ? !files.epochs.includes(epoch) : fenced
      return { files, process: { ...process, at: isLate && !variant.noCheck ? 'end' : 'acknowledge' } }
    }
    case 'acknowledge':
      return { files, process: { ...process, at: 'ready' }, acknowledged: process.appended }
    case 'flush': {
      const id = manifest + 1
      if (files.manifests[id] !== undefined) return { files, process: { ...process, at: 'end' } }
      const manifests = { ...files.manifests, [id]: { epoch, rows, floor: epoch } }
      return { files: { ...files, manifests }, process: { ...process, at: 'collect', manifest: id } }
    }
    case 'collect': {
      const kept = Object.entries(files.manifests).filter(([id]) => fenced || Number(id) >= manifest)
      return { files: { ...files, manifests: Object.fromEntries(kept) }, process: { ...process, at: 'end' } }
    }
    default:
      throw new TypeError(`${process.at} is no step of a writer`)
  }
}

function append(files: ModelFiles, process: ModelProcess, at: ModelStep): Outcome {
  const { epoch = 0, rows = [], left, number } = process
  const row = number * 10 + left
  const logs = { ...files.logs, [epoch]: [...(files.logs[epoch] ?? []), row] }
  return {
    files: { ...files, logs },
    process: { ...process, at, rows: [...rows, row], left: left - 1, appended: row },
  }
}
