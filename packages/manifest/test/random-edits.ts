import type { Change, DatabaseState, SstFile, TableState, VersionEdit } from '../src/index.ts'
import { dead, sst, USERS_SCHEMA, uuid } from './samples.ts'

type Random = (bound: number) => number

function pick<Item>(items: readonly Item[], random: Random): Item | undefined {
  return items.length === 0 ? undefined : items[random(items.length)]
}

function randomFile(state: DatabaseState, table: TableState, random: Random): SstFile {
  const low = random(250)
  const rows = 1 + random(20)
  const deadRows = random(rows + 1)
  const seqno = state.lastSeqno + random(5)
  return sst(random(2 ** 40), {
    level: random(4),
    schemaId: random(table.schemas.length),
    rows,
    minKey: Uint8Array.of(low),
    maxKey: Uint8Array.of(low + random(6)),
    minSeqno: seqno,
    maxSeqno: seqno + random(3),
    ...(random(3) === 0 ? { dead: dead(random(2 ** 40), deadRows) } : {}),
  })
}

function randomChange(state: DatabaseState, random: Random): Change {
  const table = pick([...state.tables.values()], random)
  if (table === undefined || random(30) === 0) {
    return {
      kind: 'createTable',
      tableId: state.nextTableId,
      name: `t${random(12)}`,
      schema: USERS_SCHEMA,
      properties: random(2) === 0 ? {} : { ['__proto__']: 'x', b: 'ö' },
    }
  }
  const tableId = table.id
  const file = pick(table.files, random)
  const fileId = file?.id ?? uuid(0)
  switch (random(16)) {
    case 0:
      return random(4) === 0
        ? { kind: 'dropTable', tableId }
        : { kind: 'setLastSeqno', seqno: state.lastSeqno + 1 }
    case 1:
      return { kind: 'setFlushedSeqno', tableId, seqno: table.flushedSeqno - 1 + random(10) }
    case 2:
      return { kind: 'setProperty', tableId, name: `p${random(3)}`, value: random(3) === 0 ? null : 'v' }
    case 3: {
      const { epoch, segment } = state.walFloor
      return {
        kind: 'setWalFloor',
        floor: { epoch: epoch - random(2) + random(2), segment: segment + random(3) },
      }
    }
    case 4: {
      const last = table.schemas[table.schemas.length - 1]
      const id = last.lastColumnId + 1
      const columns = [
        ...last.columns,
        { id, name: `c${id}`, type: { kind: 'double' }, required: false } as const,
      ]
      return {
        kind: 'setSchema',
        tableId,
        schema: { ...last, schemaId: last.schemaId + 1, columns, lastColumnId: id },
      }
    }
    case 5:
    case 6:
      return { kind: 'moveFile', tableId, fileId, level: random(4) }
    case 7:
    case 8:
      return { kind: 'removeFile', tableId, fileId }
    case 9:
    case 10:
    case 11:
      return { kind: 'setDead', tableId, fileId, dead: dead(random(2 ** 40), random((file?.rows ?? 1) + 2)) }
    default:
      return { kind: 'addFile', tableId, file: randomFile(state, table, random) }
  }
}

/** An edit of a few changes, about half of which do not fit the state. */
export function randomEdit(state: DatabaseState, random: Random): VersionEdit {
  return { changes: Array.from({ length: 1 + random(3) }, () => randomChange(state, random)) }
}
