import { MemoryFs } from '@meru/fs'
import { checkTable, type FilePlace } from '@meru/iceberg'
import { Random, TestEnvironment } from '@meru/testkit'
import { type ExportOptions, open, type Table } from '../src/index.ts'
import { events, type Happening, TINY } from './fixture.ts'
import { namedFiles } from './lineage-reader.ts'
import { probeOf } from './session.ts'

const GRACE_MS = 5000
const TABLE = 'tables/events'
const KEYS = 120
type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

/** The Iceberg tables of the history, by where they are. */
const PLACES = ['here', 'copied', 'referring'] as const
type Where = (typeof PLACES)[number]

/**
 * A table that is changed, merged, published in three places, closed and opened, while snapshots expire, tags come and
 * go, and the clock moves. Tells of every file that a kept snapshot lacks, and of those that nobody needs in the end.
 */
export class RetentionHistory {
  readonly faults: string[] = []
  /** Snapshots of all places that were looked through, each after each step. */
  looked = 0
  readonly #random: Random
  readonly #env: TestEnvironment
  readonly #disks: Readonly<Record<Where, MemoryFs>> = {
    here: new MemoryFs(),
    copied: Object.assign(new MemoryFs(), { root: 'memory:/copied' }),
    referring: Object.assign(new MemoryFs(), { root: 'memory:/referring' }),
  }
  readonly #published: Set<Where> = new Set()
  #table: Promise<Events> | undefined

  constructor(seed: number) {
    this.#random = new Random(`retention ${seed}`)
    this.#env = new TestEnvironment({ seed })
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const done = await this.#step(await this.#opened())
      await this.#check(`step ${step}, ${done}`)
    }
    await this.#publish(await this.#opened(), 'here')
    await this.#close()
    await this.#opened()
    await this.#pass(GRACE_MS + 1)
    await this.#close()
    await this.#check('the end')
    await this.#findOrphans()
  }

  async #step(table: Events): Promise<string> {
    const at = this.#random.below(KEYS)
    const steps: readonly (readonly [number, string, () => Promise<unknown>])[] = [
      [6, 'put', () => this.#write(table, at)],
      [2, 'delete', () => this.#env.until(table.delete(BigInt(at)))],
      [2, 'compact', () => this.#env.until(table.compact())],
      [2, 'compact a range', () => this.#env.until(table.compact({ range: { gte: BigInt(at) } }))],
      [3, 'publish here', () => this.#publish(table, 'here')],
      [2, 'copy', () => this.#publish(table, 'copied')],
      [3, 'refer', () => this.#publish(table, 'referring')],
      [2, 'time', () => this.#pass(this.#random.below(2 * GRACE_MS))],
      [2, 'close', () => this.#close()],
    ]
    const [, name, run] = this.#random.weighted(steps.map((step) => [step[0], step] as const))
    await run()
    return name
  }

  async #write(table: Events, from: number): Promise<void> {
    const what = `w${this.#random.uint32()}`
    const rows = Array.from({ length: 1 + this.#random.below(30) }, (_, i) => ({
      at: BigInt(from + i),
      what,
    }))
    await this.#env.until(table.putMany(rows))
    if (this.#random.oneIn(2)) await this.#env.until(table.flush())
  }

  async #publish(table: Events, where: Where): Promise<void> {
    const tags = this.#random.oneIn(3) ? { [`t${this.#random.below(2)}`]: 'current' as const } : {}
    const untagged = this.#random.oneIn(3) ? { [`t${this.#random.below(2)}`]: null } : {}
    const snapshotsKept = this.#random.between(2, 4)
    const mode = where === 'copied' ? 'copy' : 'reference'
    const upgrade = this.#random.oneIn(8) ? { formatVersion: 3 as const } : {}
    const place: ExportOptions = where === 'here' ? upgrade : { to: this.#disks[where], mode }
    await this.#env.until(table.exportIceberg({ ...place, snapshotsKept, tags: { ...untagged, ...tags } }))
    this.#published.add(where)
  }

  #opened(): Promise<Events> {
    return (this.#table ??= this.#open())
  }

  async #open(): Promise<Events> {
    const settings = { ...TINY, autoCompaction: false, icebergSnapshotsKept: 3, obsoleteGraceMs: GRACE_MS }
    const components = { fs: this.#disks.here, env: this.#env, probe: probeOf(this.#random.uint32()) }
    const db = await this.#env.until(open('memory', { settings, components }))
    return await this.#env.until(db.table(events))
  }

  async #close(): Promise<void> {
    const table = await this.#table
    this.#table = undefined
    if (table !== undefined) await this.#env.until(table.database.close())
  }

  async #pass(milliseconds: number): Promise<void> {
    this.#env.advance(milliseconds)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Every file that a snapshot of any place names is there, and is what the snapshot says. */
  async #check(moment: string): Promise<void> {
    const outside = (uri: string): FilePlace => ({
      fs: this.#disks.here,
      path: uri.replace('memory:///files/', ''),
    })
    for (const where of this.#published) {
      const directory = where === 'here' ? TABLE : ''
      const { violations, snapshots } = await checkTable(this.#disks[where], directory, outside)
      this.looked += snapshots
      for (const { file, problem } of violations) this.faults.push(`${moment}, ${where}: ${file}: ${problem}`)
    }
  }

  /** Files that no version and no snapshot names. The newest snapshot here shows the version itself. */
  async #findOrphans(): Promise<void> {
    const named = new Map<Where, Set<string>>()
    for (const where of this.#published) {
      const directory = where === 'here' ? `${TABLE}/` : ''
      named.set(where, await namedFiles(this.#disks[where], directory))
    }
    const needed = new Set([...named.values()].flatMap((names) => [...names]))
    for (const where of this.#published) {
      const directory = where === 'here' ? `${TABLE}/` : ''
      for (const folder of ['data', 'metadata']) {
        const own = where === 'here' && folder === 'data' ? needed : named.get(where)
        for (const name of await this.#disks[where].list(`${directory}${folder}`)) {
          if (own?.has(name) !== true) this.faults.push(`${where}: nobody needs ${folder}/${name}`)
        }
      }
    }
  }
}
