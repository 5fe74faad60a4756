import { openTable, t, table } from '@meru/db'
import { csvRows } from '../src/index.ts'

const columns = { id: t.long({ mode: 'number' }), name: t.string(), founded: t.date().nullable() }
const citiesDefinition = table('cities', columns, { key: ['id'] })
const cities = await openTable('cities', citiesDefinition)

// Or createReadStream('cities.csv'), or the body of a response.
const text = new Blob(['id,name,founded\n', '1,Ulm,\n2,"Bern, BE",1191-01-01\n']).stream()
export const loaded: number = (await cities.ingest(csvRows(text, citiesDefinition))).rows
export const name: string | undefined = (await cities.get(2))?.name
await cities.close()
