import type { TableSchema } from '@meru/core'
import type { DatabaseState, DeadRef, SstFile, WalFloor } from './state.ts'

/** Makes an empty table; `tableId` is the state's `nextTableId`, the schema has `schemaId` 0. */
export interface CreateTable {
  readonly kind: 'createTable'
  readonly tableId: number
  readonly name: string
  readonly schema: TableSchema
  readonly properties: Readonly<Record<string, string>>
}

/** Takes a table out, and all of its files with it. */
export interface DropTable {
  readonly kind: 'dropTable'
  readonly tableId: number
}

/** Adds a schema, whose `schemaId` is one above the last, and makes it the current one. */
export interface SetSchema {
  readonly kind: 'setSchema'
  readonly tableId: number
  readonly schema: TableSchema
}

/** Adds an SST, with rows that are dead from the start if `file.dead` is there. */
export interface AddFile {
  readonly kind: 'addFile'
  readonly tableId: number
  readonly file: SstFile
}

export interface RemoveFile {
  readonly kind: 'removeFile'
  readonly tableId: number
  readonly fileId: string
}

/** Gives an SST a larger set of dead positions. One that has no live row left is removed instead. */
export interface SetDead {
  readonly kind: 'setDead'
  readonly tableId: number
  readonly fileId: string
  readonly dead: DeadRef
}

/** Moves an SST to another level as it is. */
export interface MoveFile {
  readonly kind: 'moveFile'
  readonly tableId: number
  readonly fileId: string
  readonly level: number
}

/** Says that every write to the table up to `seqno` is in its SSTs. */
export interface SetFlushedSeqno {
  readonly kind: 'setFlushedSeqno'
  readonly tableId: number
  readonly seqno: number
}

/** Sets a property of a table; `null` takes it out. */
export interface SetProperty {
  readonly kind: 'setProperty'
  readonly tableId: number
  readonly name: string
  readonly value: string | null
}

/** Says that log segments before `floor` are not needed. Never moves back. */
export interface SetWalFloor {
  readonly kind: 'setWalFloor'
  readonly floor: WalFloor
}

/** Raises `lastSeqno` to at least this. A lower one changes nothing, so that commits may overtake each other. */
export interface SetLastSeqno {
  readonly kind: 'setLastSeqno'
  readonly seqno: number
}

export type Change =
  | CreateTable
  | DropTable
  | SetSchema
  | AddFile
  | RemoveFile
  | SetDead
  | MoveFile
  | SetFlushedSeqno
  | SetProperty
  | SetWalFloor
  | SetLastSeqno

/** A change of the version: all of it becomes visible in one commit, or none. Applied in order. */
export interface VersionEdit {
  readonly changes: readonly Change[]
}

/** What a commit takes: an edit, or a function that makes it from the state it will be applied to. */
export type EditSource = VersionEdit | ((state: DatabaseState) => VersionEdit)
