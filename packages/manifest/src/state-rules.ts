import { compareKeys, toHex } from '@meru/core'
import { isFileId, isTableName } from './file-names.ts'
import { nextSchemaProblem, schemaProblem } from './schema-rules.ts'
import { compareFiles, type DatabaseState, type DeadRef, type SstFile, type TableState } from './state.ts'

const HASH = /^[0-9a-f]{64}$/

/** What is wrong with an SST by itself, or `undefined`. */
export function fileProblem(file: SstFile, table: TableState): string | undefined {
  if (!isFileId(file.id)) return `id ${JSON.stringify(file.id)} is not a lower-case UUID`
  if (!isCount(file.level)) return `level ${file.level} is not a number from 0`
  if (!isCount(file.rows) || file.rows === 0) return `${file.rows} rows; an SST without rows is not added`
  if (!isCount(file.bytes)) return `length ${file.bytes} is not a number of bytes`
  if (!HASH.test(file.hash)) return `hash ${JSON.stringify(file.hash)} is not a SHA-256 in hex`
  if (table.schemas[file.schemaId] === undefined) {
    return `schema ${file.schemaId} is none of the table's ${table.schemas.length}`
  }
  if (!isCount(file.minSeqno) || !isCount(file.maxSeqno) || file.minSeqno > file.maxSeqno) {
    return `seqnos ${file.minSeqno} to ${file.maxSeqno} are no range`
  }
  if (compareKeys(file.minKey, file.maxKey) > 0) {
    return `lowest key ${toHex(file.minKey)} is above the highest ${toHex(file.maxKey)}`
  }
  return file.dead === undefined ? undefined : deadProblem(file.dead, file.rows)
}

/** What is wrong with a reference to the dead positions of an SST of so many rows, or `undefined`. */
export function deadProblem(dead: DeadRef, rows: number): string | undefined {
  if (!isFileId(dead.file)) return `Puffin file id ${JSON.stringify(dead.file)} is not a lower-case UUID`
  if (!isCount(dead.offset) || !isCount(dead.length) || dead.length === 0) {
    return `${dead.length} bytes at ${dead.offset} of Puffin file ${dead.file} are no blob`
  }
  if (!isCount(dead.cardinality) || dead.cardinality === 0) return `${dead.cardinality} dead rows`
  if (dead.cardinality > rows) return `${dead.cardinality} dead rows of ${rows}`
  if (dead.cardinality === rows) {
    return `all ${rows} rows are dead; such an SST leaves the version in the same commit`
  }
  return undefined
}

/**
 * What is wrong with the order of a table's files, or `undefined`: below level 0 no two files of a level
 * may share a key.
 */
export function levelProblem(files: readonly SstFile[]): string | undefined {
  for (let i = 1; i < files.length; i++) {
    const before = files[i - 1]
    const after = files[i]
    if (compareFiles(before, after) >= 0) return `SST ${after.id} is out of order after ${before.id}`
    if (after.level === 0 || after.level !== before.level) continue
    if (compareKeys(before.maxKey, after.minKey) >= 0) {
      return (
        `SSTs ${before.id} (keys ${toHex(before.minKey)} to ${toHex(before.maxKey)}) and ${after.id} ` +
        `(keys ${toHex(after.minKey)} to ${toHex(after.maxKey)}) overlap at level ${after.level}`
      )
    }
  }
  return undefined
}

/** What is wrong with a whole state, or `undefined`. What `applyEdit` keeps true, checked from nothing. */
export function stateProblem(state: DatabaseState): string | undefined {
  const names = new Set<string>()
  for (const [id, table] of state.tables) {
    if (table.id !== id || id < 1 || id >= state.nextTableId) {
      return `table id ${id} must be from 1 and below the next table id ${state.nextTableId}`
    }
    const folded = table.name.toLowerCase()
    if (names.has(folded)) return `two tables are named ${table.name}, or differ in case only`
    names.add(folded)
    const problem = tableProblem(table)
    if (problem !== undefined) return `table ${table.name} (id ${id}): ${problem}`
    const seqno = Math.max(table.flushedSeqno, highestSeqno(table.files))
    if (seqno > state.lastSeqno) {
      return `table ${table.name} (id ${id}) holds seqno ${seqno}, above the last one, ${state.lastSeqno}`
    }
  }
  if (state.walFloor.epoch > state.epoch) {
    return `the log starts at epoch ${state.walFloor.epoch}, above the writer's epoch ${state.epoch}`
  }
  return undefined
}

function highestSeqno(files: readonly SstFile[]): number {
  let highest = 0
  for (const file of files) if (file.maxSeqno > highest) highest = file.maxSeqno
  return highest
}

function tableProblem(table: TableState): string | undefined {
  if (!isTableName(table.name)) return 'no such name is allowed'
  if (table.schemas.length === 0) return 'there is no schema'
  if (table.schemas[0].schemaId !== 0) return `the first schema has id ${table.schemas[0].schemaId}`
  if (table.schemaId !== table.schemas.length - 1) return `schema ${table.schemaId} is not the last one`
  for (let i = 0; i < table.schemas.length; i++) {
    const schema = table.schemas[i]
    const problem = i === 0 ? schemaProblem(schema) : nextSchemaProblem(table.schemas[i - 1], schema)
    if (problem !== undefined) return `schema ${schema.schemaId}: ${problem}`
  }
  const ids = new Set<string>()
  for (const file of table.files) {
    if (ids.has(file.id)) return `SST ${file.id} is there twice`
    ids.add(file.id)
    const problem = fileProblem(file, table)
    if (problem !== undefined) return `SST ${file.id}: ${problem}`
  }
  return levelProblem(table.files)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
