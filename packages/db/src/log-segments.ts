import type { WalFloor } from '@meru/manifest'

/**
 * Which log segment holds which seqnos: what says how far the log may be cut.
 * Segments are in order; a segment holds the seqnos from its first up to the next one's first.
 */
export class LogSegments {
  private segments: { readonly place: WalFloor; readonly firstSeqno: number }[]

  /** Everything up to a first seqno of the writer's own lies in segments from `floor` on. */
  constructor(floor: WalFloor) {
    this.segments = [{ place: floor, firstSeqno: 0 }]
  }

  /** The group with `firstSeqno` goes to this segment. */
  note(place: WalFloor, firstSeqno: number): void {
    const last = this.segments[this.segments.length - 1].place
    if (last.epoch === place.epoch && last.segment === place.segment) return
    const { epoch, segment } = place
    this.segments.push({ place: { epoch, segment }, firstSeqno })
  }

  /** The first segment that is needed if every write below `seqno` is in SSTs. */
  floorFor(seqno: number): WalFloor {
    const needed = this.segments.findLastIndex((segment) => segment.firstSeqno <= seqno)
    return this.segments[Math.max(0, needed)].place
  }

  /** Forgets the segments before one, when it is certain that nobody needs them any more. */
  cut(floor: WalFloor): void {
    const first = this.segments.findIndex(
      ({ place }) => place.epoch === floor.epoch && place.segment === floor.segment,
    )
    this.segments = this.segments.slice(Math.max(0, first))
  }

  /** Segments that are still needed. */
  get length(): number {
    return this.segments.length
  }
}
