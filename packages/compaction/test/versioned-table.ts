import type { SstMeta } from '@meru/core'
import {
  applyEdit,
  emptyState,
  stateProblem,
  type Change,
  type DatabaseState,
  type SstFile,
} from '@meru/manifest'
import { DeadPositions, type SstReader } from '@meru/sst'
import {
  carryOver,
  resolveDead,
  type CompactionJob,
  type DeadRows,
  type MergeInput,
  type ResolveTarget,
} from '../src/index.ts'
import { items, liveRowsOf, memtableOf, SampleStore, type StoredRow, type Write } from './sample-table.ts'

const TABLE = 1

/** What a version holds: the files by id, and how many rows of each are dead. */
export type Contents = ReadonlyMap<string, DeadPositions>

/** A table as its versions see it: flushes and compactions on real files, commits by `applyEdit`, and a map beside it. */
export class VersionedTable {
  state: DatabaseState
  private readonly store: SampleStore = new SampleStore()
  private readonly fileBytesTarget: number
  private readonly readers: Map<string, SstReader> = new Map()
  private dead: Map<string, DeadPositions> = new Map()
  /** What the table must hold. */
  private readonly model: Map<number, StoredRow> = new Map()

  constructor(fileBytesTarget: number) {
    const create: Change = {
      kind: 'createTable',
      tableId: TABLE,
      name: 't',
      schema: items.schema,
      properties: {},
    }
    this.state = applyEdit(emptyState(), { changes: [create] })
    this.fileBytesTarget = fileBytesTarget
  }

  get files(): readonly SstFile[] {
    return this.state.tables.get(TABLE)?.files ?? []
  }

  contents(): Contents {
    return new Map(this.files.map(({ id }) => [id, this.deadOf(id)]))
  }

  async flush(writes: readonly Write[]): Promise<void> {
    const { meta, keys } = await this.store.flush(memtableOf(writes))
    const targets = this.files.map((file) => this.input(file))
    const changes = this.deadChanges(await resolveDead(keys, targets), targets)
    if (meta !== undefined) changes.unshift(await this.addition(meta))
    this.commit(changes)
    for (const { id, seqno, note } of writes) {
      if (note === undefined) this.model.delete(id)
      else this.model.set(id, { id, seqno, note })
    }
  }

  /** Carries a job out. The flushes come after its files were written and before its commit. */
  async compact(job: CompactionJob, meanwhile: readonly (readonly Write[])[]): Promise<void> {
    if (job.kind === 'move') {
      this.commit([{ kind: 'moveFile', tableId: TABLE, fileId: job.input, level: job.outputLevel }])
      return
    }
    const inputs = this.files.filter(({ id }) => job.inputs.includes(id)).map((file) => this.input(file))
    const { fileBytesTarget } = this
    const options = { level: job.outputLevel, fileBytesTarget, cuts: job.cuts }
    const metas = await this.store.merge(inputs, options)
    for (const writes of meanwhile) await this.flush(writes)
    const outputs = await Promise.all(metas.map((meta) => this.store.open(meta)))
    const present = new Set(this.files.map(({ id }) => id))
    const now = (id: string): DeadPositions | undefined => (present.has(id) ? this.deadOf(id) : undefined)
    const late = this.deadChanges(await carryOver(inputs, now, outputs), outputs)
    const unused = new Set(late.flatMap((change) => (change.kind === 'removeFile' ? [change.fileId] : [])))
    const changes: Change[] = inputs
      .filter(({ id }) => present.has(id))
      .map(({ id }) => ({ kind: 'removeFile', tableId: TABLE, fileId: id }))
    for (const meta of metas) if (!unused.has(meta.id)) changes.push(await this.addition(meta))
    this.commit([...changes, ...late.filter((change) => change.kind === 'setDead')])
  }

  /** Which invariants this version breaks, after the one with those contents. */
  async violations(before: Contents): Promise<string[]> {
    const problems: string[] = []
    const problem = stateProblem(this.state)
    if (problem !== undefined) problems.push(problem)
    const rows: StoredRow[] = []
    for (const file of this.files) {
      const dead = this.deadOf(file.id)
      if (dead.cardinality !== (file.dead?.cardinality ?? 0))
        problems.push(`${file.id}: dead rows miscounted`)
      const grown = before.get(file.id)
      if (grown !== undefined && !dead.union(grown).equals(dead))
        problems.push(`I2: ${file.id} lost dead rows`)
      if (dead.cardinality >= file.rows) problems.push(`I5: ${file.id} has no live row`)
      const live = await liveRowsOf(this.input(file))
      if (live.length !== file.rows - dead.cardinality) problems.push(`${file.id}: live rows miscounted`)
      rows.push(...live)
    }
    if (new Set(rows.map(({ id }) => id)).size !== rows.length) problems.push('I1: a key is live twice')
    const live = this.files.reduce((sum, file) => sum + file.rows - (file.dead?.cardinality ?? 0), 0)
    if (live !== this.model.size) problems.push(`I4: ${live} live rows, ${this.model.size} keys`)
    for (const row of rows) {
      const expected = this.model.get(row.id)
      if (expected?.note !== row.note || expected.seqno !== row.seqno) problems.push(`key ${row.id} is wrong`)
    }
    return problems
  }

  private deadOf(id: string): DeadPositions {
    return this.dead.get(id) ?? DeadPositions.empty
  }

  private input(file: SstFile): MergeInput & ResolveTarget {
    const { id, level, rows } = file
    return { id, level, rows, reader: this.readers.get(id) as SstReader, dead: this.deadOf(id) }
  }

  private async addition(meta: SstMeta): Promise<Change> {
    this.readers.set(meta.id, (await this.store.open(meta)).reader)
    return { kind: 'addFile', tableId: TABLE, file: meta }
  }

  /** A file that loses its last live row leaves; the others get a larger set. Takes the sets over at once. */
  private deadChanges(found: readonly DeadRows[], targets: readonly ResolveTarget[]): Change[] {
    return found.map(({ id, positions }): Change => {
      const target = targets.find((candidate) => candidate.id === id) as ResolveTarget
      const dead = target.dead.with(positions)
      const { rows } = target.reader.meta
      if (dead.cardinality === rows) return { kind: 'removeFile', tableId: TABLE, fileId: id }
      this.dead = new Map(this.dead).set(id, dead)
      const blob = { file: this.store.env.uuid(), offset: 4, length: 40, cardinality: dead.cardinality }
      return { kind: 'setDead', tableId: TABLE, fileId: id, dead: blob }
    })
  }

  private commit(changes: readonly Change[]): void {
    this.state = applyEdit(this.state, { changes })
  }
}
