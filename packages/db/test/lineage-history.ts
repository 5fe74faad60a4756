import { MemoryFs } from '@meru/fs'
import type { IcebergExport } from '@meru/iceberg'
import { Random, TestEnvironment } from '@meru/testkit'
import { TINY } from './fixture.ts'
import { type Notes, openNotes, published, QUIET } from './lineage-notes.ts'
import type { Lineage } from './lineage-reader.ts'

/** Publishes while other things go on, and holds every snapshot against the ones before. */
export class LineageHistory {
  readonly #random: Random
  readonly #place: { readonly fs: MemoryFs; readonly env: TestEnvironment } = {
    fs: new MemoryFs(),
    env: new TestEnvironment(),
  }
  #notes: Notes | undefined
  readonly #known: Map<string, Lineage> = new Map()
  readonly #taken: Set<number> = new Set()
  /** Rows whose lineage an earlier snapshot had told. */
  compared = 0
  /** What readers must not see. */
  readonly faults: string[] = []

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step(await this.#table())
    await this.#publish(await this.#table())
    await this.#notes?.database.close()
  }

  async #table(): Promise<Notes> {
    return (this.#notes ??= await openNotes(this.#place.fs, { ...TINY, ...QUIET }, this.#place.env))
  }

  async #step(notes: Notes): Promise<void> {
    const from = this.#random.below(200)
    switch (this.#random.below(10)) {
      case 0:
        await notes.deleteMany(Array.from({ length: 5 }, (_, i) => from + i))
        break
      case 1:
        await notes.compact()
        break
      case 2:
        await notes.compact({ range: { gte: from, lt: from + 50 } })
        break
      case 3:
        await this.#publish(notes)
        break
      case 4: {
        // A merge and a publication at once: whichever ends first, readers must see one name of each row.
        const [, between] = await Promise.all([notes.compact(), notes.exportIceberg({ formatVersion: 3 })])
        await this.#compare(notes, between)
        await this.#publish(notes)
        break
      }
      case 5:
        await notes.database.close()
        this.#notes = undefined
        break
      default: {
        const length = this.#random.below(40)
        const text = `v${this.#random.uint32()}`
        await notes.putMany(Array.from({ length }, (_, i) => ({ id: from + i, text })))
        if (this.#random.below(2) === 0) await notes.flush()
      }
    }
  }

  async #publish(notes: Notes): Promise<void> {
    await this.#compare(notes, await notes.exportIceberg({ formatVersion: 3 }))
  }

  async #compare(notes: Notes, { metadataFile, sequenceNumber }: IcebergExport): Promise<void> {
    const lineages = await published(notes, this.#place.fs, metadataFile)
    const fresh = new Map<string, Lineage>()
    for (const { id, text } of await notes.scan().toArray()) {
      const name = `${id} ${text}`
      const found = lineages.get(id)
      const before = this.#known.get(name)
      const place = `snapshot ${sequenceNumber}, row ${name}: id ${found?.rowId}, updated ${found?.updated}`
      if (found?.rowId === undefined) this.faults.push(`${place}; not published`)
      else if (before === undefined) {
        if (found.updated !== sequenceNumber) this.faults.push(`${place}; new`)
        if (this.#taken.has(found.rowId))
          this.faults.push(`${place}; new, of an id that another row has or had`)
        fresh.set(name, found)
        this.#taken.add(found.rowId)
      } else {
        this.compared++
        const isSame = found.rowId === before.rowId && found.updated === before.updated
        if (!isSame) this.faults.push(`${place}; before: id ${before.rowId}, updated ${before.updated}`)
      }
    }
    for (const [name, lineage] of fresh) this.#known.set(name, lineage)
  }
}
