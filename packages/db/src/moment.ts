import { MeruError, type SeqNo } from '@meru/core'
import type { FileSystem, ReadHandle } from '@meru/fs'
import { compareWalFloors, type DatabaseState, WAL_DIRECTORY } from '@meru/manifest'
import { listSegments, segmentName, type SegmentId } from '@meru/wal'
import type { Engine } from './engine.ts'
import type { Log } from './log.ts'

/** A flush may cut the log while it is looked at; then there is a newer version to start from. */
const ATTEMPTS_MAX = 10

/** One moment of a whole database: a version, whose files stay until `release`, and the log that completes it. */
export interface Moment {
  /** With the floor of the log that goes with it. */
  readonly state: DatabaseState
  readonly segments: readonly LogSegment[]
  /** Every write up to this one is in it, and no later one. */
  readonly seqno: SeqNo
  release(): Promise<void>
}

/** An open segment of the log. Nothing is written to it any more. */
export interface LogSegment {
  readonly path: string
  readonly handle: ReadHandle
}

/**
 * Takes hold of the database as it is now. All writes that resolved before are in it, and of no batch a part. Writers
 * wait while the log goes on to its next segment. `visit` runs while the segments are sure to be in their place.
 */
export async function captureMoment(
  engine: Engine,
  wal: Log,
  visit: (segments: readonly LogSegment[]) => Promise<void>,
): Promise<Moment> {
  for (let attempt = 1; ; attempt++) {
    const moment = await tryCapture(engine, wal, visit, { isLast: attempt === ATTEMPTS_MAX })
    if (moment !== undefined) return moment
  }
}

async function tryCapture(
  engine: Engine,
  wal: Log,
  visit: (segments: readonly LogSegment[]) => Promise<void>,
  { isLast }: { isLast: boolean },
): Promise<Moment | undefined> {
  const { versions } = engine
  let moment: Moment | undefined
  await engine.writes.beside(async (next) => {
    const pin = versions.pin()
    const opened: LogSegment[] = []
    const release = async (): Promise<void> => {
      versions.release(pin)
      for (const { handle } of opened) await handle.close()
    }
    try {
      const end = await wal.rotate()
      for (const segment of await segmentsOf(versions.fs, pin.state, end)) opened.push(segment)
      await visit(opened)
      moment = { state: withFloor(pin.state, opened), segments: opened, seqno: next - 1, release }
    } catch (error) {
      await release()
      const isCut = compareWalFloors(versions.current.walFloor, pin.state.walFloor) > 0
      if (isLast || !isCut) throw error
    }
    return false
  })
  return moment
}

/** Opens the segments from the floor of a state up to one, which is not among them. */
async function segmentsOf(fs: FileSystem, state: DatabaseState, end: SegmentId): Promise<LogSegment[]> {
  const segments: LogSegment[] = []
  try {
    for (const id of await listSegments({ fs, directory: WAL_DIRECTORY })) {
      if (compareWalFloors(id, state.walFloor) < 0 || compareWalFloors(id, end) >= 0) continue
      const path = `${WAL_DIRECTORY}/${segmentName(id)}`
      segments.push({ path, handle: await fs.open(path) })
    }
    const floor = `${WAL_DIRECTORY}/${segmentName(state.walFloor)}`
    const isNeeded = compareWalFloors(state.walFloor, end) < 0
    if (isNeeded && segments[0]?.path !== floor) throw new MeruError('IO', `${floor} is gone; try again`)
    return segments
  } catch (error) {
    for (const { handle } of segments) await handle.close()
    throw error
  }
}

/** Without a log there is no place where it begins. */
function withFloor(state: DatabaseState, segments: readonly LogSegment[]): DatabaseState {
  return segments.length > 0 ? state : { ...state, walFloor: { epoch: 0, segment: 0 } }
}
