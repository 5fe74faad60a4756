import { t, table, type TableDefinition } from '@meru/core'

/** A composite key of a text and a number, and nullable columns of many types. */
const events: TableDefinition = table(
  'events',
  {
    tenant: t.string(),
    id: t.long(),
    kind: t.int().nullable(),
    amount: t.decimal(12, 2).nullable(),
    ratio: t.double().nullable(),
    flag: t.boolean().nullable(),
    payload: t.binary().nullable(),
    at: t.timestamptz().nullable(),
    note: t.string().nullable(),
  },
  { key: ['tenant', 'id'] },
)

/** A key of one text; few columns, all of them needed but one. */
const items: TableDefinition = table(
  'items',
  {
    count: t.int(),
    sku: t.string(),
    price: t.float(),
    hash: t.fixed(4),
    day: t.date().nullable(),
  },
  { key: ['sku'] },
)

/** A key of three columns, not in the order of the columns, and the wide and rare types. */
const moments: TableDefinition = table(
  'moments',
  {
    serial: t.long({ mode: 'number' }).nullable(),
    code: t.binary(),
    day: t.date(),
    isOpen: t.boolean(),
    ref: t.uuid().nullable(),
    total: t.decimal(25, 5).nullable(),
    clock: t.time().nullable(),
    local: t.timestamp({ mode: 'bigint' }).nullable(),
    precise: t.timestampNs().nullable(),
    precisely: t.timestamptzNs().nullable(),
  },
  { key: ['day', 'isOpen', 'code'] },
)

/** Lists, structs and maps, alone and in one another. */
const baskets: TableDefinition = table(
  'baskets',
  {
    name: t.string(),
    tags: t.list(t.string().nullable()).nullable(),
    size: t.struct({ wide: t.double(), note: t.string().nullable() }).nullable(),
    stock: t.map(t.string(), t.list(t.struct({ place: t.int(), until: t.date().nullable() }))),
    count: t.long(),
  },
  { key: ['name'] },
)

/** Tables that have all types of columns between them; random operations work on these. */
export const TEST_TABLES: readonly TableDefinition[] = [events, items, moments, baskets]
