import type { Vector } from '@meru/core'
import type { SortedKeys } from './key-prefix.ts'
import { RowCache } from './row-cache.ts'
import { RowFrames, type FrameTable } from './row-frames.ts'
import type { RowMemory } from './row-page.ts'

/** A decoded page in memory that is an object of its own; one of the three contents is set. */
export interface CachedPage {
  /** Set by a reader that finds the page; taken back by the clock. */
  used: boolean
  readonly bytes: number
  readonly table: PageTable
  /** The page's index in the table of its file. */
  readonly unit: number
  /** Encoded rows, if their frame is too large to lie among the others. */
  readonly rows: RowMemory | undefined
  readonly keys: SortedKeys | undefined
  readonly vector: Vector | undefined
}

export type PageContent = Pick<CachedPage, 'rows' | 'keys' | 'vector'>

/** A page to put into a cache. */
export interface PageToKeep {
  readonly unit: number
  readonly content: PageContent
}

/** The pages of one file that are in memory, by number. A hit is one array access. */
export type PageTable = (CachedPage | undefined)[]

/** What a cache did so far. */
export interface PageCacheStats {
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  readonly pages: number
  readonly bytes: number
  readonly bytesMax: number
}

/** What a page costs besides its content: its objects. */
const PAGE_OVERHEAD_BYTES = 400
/** The share of a cache that is for frames of encoded rows, which serve most reads by key. */
const FRAMES_SHARE = 0.5
/** The share that is for rows of pages that are not kept whole. */
const ROWS_SHARE = 0.25
/** Offsets of frames are 32-bit numbers. */
const FRAMES_BYTES_MAX = 0xfffffff8

/**
 * Decoded pages of all files of a process, bounded by bytes. Evicts by CLOCK: a hand goes round and takes the first
 * page that was not used since it came by.
 */
export class PageCache {
  /** Encoded rows, page by page. */
  readonly frames: RowFrames
  /** Single encoded rows. */
  readonly rows: RowCache
  /** Counted by readers. */
  hits = 0
  misses = 0
  private bytes = 0
  private readonly bytesMax: number
  private readonly clock: { readonly ring: CachedPage[]; hand: number; evictions: number } = {
    ring: [],
    hand: 0,
    evictions: 0,
  }

  constructor(options: { bytesMax: number }) {
    if (!(options.bytesMax >= 0)) throw new TypeError(`bytesMax is ${options.bytesMax}`)
    const framesBytes = Math.min(Math.floor(options.bytesMax * FRAMES_SHARE), FRAMES_BYTES_MAX)
    this.frames = new RowFrames(framesBytes)
    const rowsBytes = Math.min(Math.floor(options.bytesMax * ROWS_SHARE), FRAMES_BYTES_MAX)
    this.rows = new RowCache(rowsBytes)
    this.bytesMax = options.bytesMax - framesBytes - rowsBytes
  }

  /**
   * Adds pages that belong together, some of which may be there already. None of them makes room for another: a reader
   * that needs them all finds them all right after, however small the cache.
   */
  insert(table: PageTable, pages: readonly PageToKeep[]): void {
    let incoming = 0
    for (const { unit, content } of pages) if (table[unit] === undefined) incoming += pageBytes(content)
    this.evict(this.bytesMax - incoming)
    for (const { unit, content } of pages) {
      if (table[unit] !== undefined) continue
      const { rows, keys, vector } = content
      const page: CachedPage = { used: false, bytes: pageBytes(content), table, unit, rows, keys, vector }
      table[unit] = page
      this.bytes += page.bytes
      this.clock.ring.push(page)
    }
  }

  /** True if a page of so many bytes can come in without another one going out. */
  hasRoom(bytes: number): boolean {
    return this.bytes + bytes + PAGE_OVERHEAD_BYTES <= this.bytesMax
  }

  /** Forgets the pages of a file, which has joined the frames. */
  drop(table: PageTable, frames: FrameTable): void {
    const { clock } = this
    let kept = 0
    for (const page of clock.ring) {
      if (page.table === table) {
        this.bytes -= page.bytes
        table[page.unit] = undefined
      } else {
        clock.ring[kept++] = page
      }
    }
    clock.ring.length = kept
    clock.hand = 0
    this.frames.drop(frames)
    if (this.frames.isUnused) this.rows.clear()
  }

  stats(): PageCacheStats {
    const { hits, misses, frames, rows, clock } = this
    return {
      hits,
      misses,
      evictions: clock.evictions + frames.evictions,
      pages: clock.ring.length + frames.count,
      bytes: this.bytes + frames.bytes + rows.bytes,
      bytesMax: this.bytesMax + frames.capacity + rows.capacity + rows.slotBytes,
    }
  }

  private evict(bytesMax: number): void {
    const { clock } = this
    const { ring } = clock
    while (this.bytes > bytesMax && ring.length > 0) {
      if (clock.hand >= ring.length) clock.hand = 0
      const page = ring[clock.hand]
      if (page.used) {
        page.used = false
        clock.hand++
        continue
      }
      page.table[page.unit] = undefined
      this.bytes -= page.bytes
      clock.evictions++
      // The last page takes the free place.
      const last = ring.pop() as CachedPage
      if (clock.hand < ring.length) ring[clock.hand] = last
    }
  }
}

function pageBytes(content: PageContent): number {
  return contentBytes(content) + PAGE_OVERHEAD_BYTES
}

function contentBytes({ rows, keys, vector }: PageContent): number {
  if (rows !== undefined) return rows.bytes.byteLength
  if (keys !== undefined) return keys.bytes.byteLength + keys.offsets.byteLength + keys.prefixes.byteLength
  if (vector === undefined) return 0
  const validity = vector.validity?.byteLength ?? 0
  if (vector.physical === 'bytes')
    return validity + vector.bytes.buffer.byteLength + vector.offsets.byteLength
  return validity + vector.values.byteLength
}
