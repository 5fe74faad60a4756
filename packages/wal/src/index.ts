export { removeSegments } from './remove-segments.ts'
export { replay, type ReplayOptions, type ReplayReport, type TornTail } from './replay.ts'
export {
  compareSegments,
  listSegments,
  parseSegmentName,
  type SegmentId,
  segmentName,
  type WalPosition,
} from './segment-name.ts'
export { Wal, type WalOptions } from './wal.ts'
