import { MeruError, type TableSchema } from '@meru/core'
import { isTableName } from './file-names.ts'
import { nextSchemaProblem, schemaProblem } from './schema-rules.ts'
import {
  compareFiles,
  compareWalFloors,
  type DatabaseState,
  type DeadRef,
  type SstFile,
  type TableState,
  type WalFloor,
} from './state.ts'
import { deadProblem, fileProblem, levelProblem } from './state-rules.ts'
import type { Change, CreateTable, VersionEdit } from './version-edit.ts'

/**
 * The state after an edit. Pure; what the edit does not touch is shared with the state before.
 * Identity (`manifestId`, `epoch`, `owner`) stays as it was: a commit sets it. Throws `INVALID`, with
 * nothing changed, if the edit does not fit the state or would break one of its invariants.
 */
export function applyEdit(state: DatabaseState, edit: VersionEdit): DatabaseState {
  const draft = new StateDraft(state)
  for (const change of edit.changes) draft.apply(change)
  return draft.finish()
}

function refuse(problem: string): never {
  throw new MeruError('INVALID', `version edit: ${problem}`)
}

/** A table while an edit is applied to it. */
class TableDraft {
  #table: TableState
  readonly #files: Map<string, SstFile>
  readonly #removed: Set<string> = new Set()
  #filesChanged = false

  constructor(table: TableState) {
    this.#table = table
    this.#files = new Map(table.files.map((file) => [file.id, file]))
  }

  #refuse(problem: string): never {
    return refuse(`table ${this.#table.name} (id ${this.#table.id}): ${problem}`)
  }

  #file(fileId: string): SstFile {
    return this.#files.get(fileId) ?? this.#refuse(`there is no SST ${fileId} in this version`)
  }

  addFile(file: SstFile): void {
    const problem = fileProblem(file, this.#table)
    if (problem !== undefined) this.#refuse(`SST ${file.id}: ${problem}`)
    if (this.#files.has(file.id)) this.#refuse(`SST ${file.id} is in this version already`)
    if (this.#removed.has(file.id)) this.#refuse(`SST ${file.id} was removed; ids are never reused`)
    this.#files.set(file.id, file)
    this.#filesChanged = true
  }

  removeFile(fileId: string): void {
    this.#file(fileId)
    this.#files.delete(fileId)
    this.#removed.add(fileId)
    this.#filesChanged = true
  }

  setDead(fileId: string, dead: DeadRef): void {
    const file = this.#file(fileId)
    const problem = deadProblem(dead, file.rows)
    if (problem !== undefined) this.#refuse(`SST ${fileId}: ${problem}`)
    const before = file.dead?.cardinality ?? 0
    if (dead.cardinality < before) {
      this.#refuse(
        `SST ${fileId}: ${dead.cardinality} dead rows after ${before}; dead rows only grow in number`,
      )
    }
    this.#files.set(fileId, { ...file, dead })
    this.#filesChanged = true
  }

  moveFile(fileId: string, level: number): void {
    const file = this.#file(fileId)
    if (!Number.isSafeInteger(level) || level < 1) {
      this.#refuse(`SST ${fileId} cannot move to level ${level}; only flushes add to level 0`)
    }
    this.#files.set(fileId, { ...file, level })
    this.#filesChanged = true
  }

  setSchema(schema: TableSchema): void {
    const { schemas } = this.#table
    const problem = nextSchemaProblem(schemas[schemas.length - 1], schema)
    if (problem !== undefined) this.#refuse(`schema ${schema.schemaId}: ${problem}`)
    this.#table = { ...this.#table, schemas: [...schemas, schema], schemaId: schema.schemaId }
  }

  setFlushedSeqno(seqno: number): void {
    const before = this.#table.flushedSeqno
    if (!Number.isSafeInteger(seqno) || seqno < before) {
      this.#refuse(`flushed seqno ${seqno} after ${before}; it never decreases`)
    }
    this.#table = { ...this.#table, flushedSeqno: seqno }
  }

  setProperty(name: string, value: string | null): void {
    const kept = Object.entries(this.#table.properties).filter(([key]) => key !== name)
    const properties = Object.fromEntries(value === null ? kept : [...kept, [name, value]])
    this.#table = { ...this.#table, properties }
  }

  finish(): TableState {
    if (!this.#filesChanged) return this.#table
    const files = [...this.#files.values()].sort(compareFiles)
    const problem = levelProblem(files)
    if (problem !== undefined) this.#refuse(problem)
    return { ...this.#table, files }
  }
}

/** A state while an edit is applied to it. */
class StateDraft {
  readonly #before: DatabaseState
  readonly #tables: Map<number, TableState>
  readonly #drafts: Map<number, TableDraft> = new Map()
  #nextTableId: number
  #lastSeqno: number
  #walFloor: WalFloor

  constructor(state: DatabaseState) {
    this.#before = state
    this.#tables = new Map(state.tables)
    this.#nextTableId = state.nextTableId
    this.#lastSeqno = state.lastSeqno
    this.#walFloor = state.walFloor
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'createTable':
        return this.#createTable(change)
      case 'dropTable':
        return this.#dropTable(change.tableId)
      case 'setSchema':
        return this.#draft(change.tableId).setSchema(change.schema)
      case 'addFile':
        this.#draft(change.tableId).addFile(change.file)
        return this.#raiseLastSeqno(change.file.maxSeqno)
      case 'removeFile':
        return this.#draft(change.tableId).removeFile(change.fileId)
      case 'setDead':
        return this.#draft(change.tableId).setDead(change.fileId, change.dead)
      case 'moveFile':
        return this.#draft(change.tableId).moveFile(change.fileId, change.level)
      case 'setFlushedSeqno':
        this.#draft(change.tableId).setFlushedSeqno(change.seqno)
        return this.#raiseLastSeqno(change.seqno)
      case 'setProperty':
        return this.#draft(change.tableId).setProperty(change.name, change.value)
      case 'setWalFloor':
        return this.#setWalFloor(change.floor)
      case 'setLastSeqno':
        return this.#raiseLastSeqno(change.seqno)
    }
  }

  #draft(tableId: number): TableDraft {
    const table = this.#tables.get(tableId)
    if (table === undefined) return refuse(`there is no table with id ${tableId}`)
    let draft = this.#drafts.get(tableId)
    if (draft === undefined) {
      draft = new TableDraft(table)
      this.#drafts.set(tableId, draft)
    }
    return draft
  }

  #createTable({ tableId, name, schema, properties }: CreateTable): void {
    const label = `table ${JSON.stringify(name)} (id ${tableId})`
    if (tableId !== this.#nextTableId) refuse(`${label}: the next table id is ${this.#nextTableId}`)
    if (!Number.isSafeInteger(tableId + 1)) refuse(`${label}: there are no table ids left`)
    if (!isTableName(name)) {
      refuse(`${label}: a name has 1 to 128 letters, digits, _ and -, and is no device of Windows`)
    }
    // Tables are directories, and some file systems do not tell upper from lower case.
    for (const other of this.#tables.values()) {
      if (other.name.toLowerCase() === name.toLowerCase()) {
        refuse(`${label}: table ${other.name} (id ${other.id}) has that name, case aside`)
      }
    }
    if (schema.schemaId !== 0) refuse(`${label}: the first schema must have id 0, not ${schema.schemaId}`)
    const problem = schemaProblem(schema)
    if (problem !== undefined) refuse(`${label}: ${problem}`)
    this.#tables.set(tableId, {
      id: tableId,
      name,
      schemas: [schema],
      schemaId: 0,
      flushedSeqno: this.#before.lastSeqno,
      files: [],
      properties: { ...properties },
    })
    this.#nextTableId = tableId + 1
  }

  #dropTable(tableId: number): void {
    if (!this.#tables.delete(tableId)) refuse(`there is no table with id ${tableId}`)
    this.#drafts.delete(tableId)
  }

  #setWalFloor(floor: WalFloor): void {
    const before = this.#walFloor
    const whole = Number.isSafeInteger(floor.epoch) && Number.isSafeInteger(floor.segment)
    if (!whole || compareWalFloors(floor, before) < 0) {
      refuse(
        `log floor ${floor.epoch}-${floor.segment} after ${before.epoch}-${before.segment}; it never moves back`,
      )
    }
    if (floor.epoch > this.#before.epoch) {
      refuse(`log floor ${floor.epoch}-${floor.segment} is above the writer's epoch ${this.#before.epoch}`)
    }
    this.#walFloor = floor
  }

  #raiseLastSeqno(seqno: number): void {
    if (!Number.isSafeInteger(seqno) || seqno < 0) refuse(`seqno ${seqno} is not a safe integer from 0`)
    if (seqno > this.#lastSeqno) this.#lastSeqno = seqno
  }

  finish(): DatabaseState {
    const { tables, nextTableId } = this.#before
    const listChanged = this.#tables.size !== tables.size || this.#nextTableId !== nextTableId
    for (const [id, draft] of this.#drafts) this.#tables.set(id, draft.finish())
    return {
      ...this.#before,
      lastSeqno: this.#lastSeqno,
      walFloor: this.#walFloor,
      nextTableId: this.#nextTableId,
      tables: listChanged || this.#drafts.size > 0 ? this.#tables : tables,
    }
  }
}
