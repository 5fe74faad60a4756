import { expect, test } from 'vitest'
import { type AnyAlteration, ModelSession, Random, randomOperations, TEST_TABLES } from '../src/index.ts'

const CALLS = ['add', 'drop', 'makeNullable', 'move', 'rename', 'setDefault', 'widen', 'within']

/** Notes the names of the calls on an alteration. */
function noting(names: Set<string>): AnyAlteration {
  const noted: object = new Proxy({}, { get: (_, name) => () => (names.add(String(name)), noted) })
  return noted as AnyAlteration
}

test('changes of tables come in every kind, and operations are fitted to the columns that are there', () => {
  const calls = new Set<string>()
  const session = new ModelSession()
  for (const scripted of randomOperations(new Random(3), 6000, { alter: 2, crash: 0 })) {
    const operation = session.fitted(scripted)
    if (operation.do === 'alter') session.changeOf(operation).apply(noting(calls))
    session.apply(operation)
  }
  expect([...calls].toSorted()).toEqual(CALLS)
  for (const { name, schema: first } of TEST_TABLES) {
    const { definition } = session.model.history(name)
    expect(definition.schema.schemaId).toBeGreaterThan(5)
    expect(definition.schema.key).toEqual(first.key)
    const names = definition.schema.columns.map((column) => column.name)
    for (const row of session.model.scan(name)) expect(Object.keys(row).toSorted()).toEqual(names.toSorted())
  }
})

test('a version before a change has the rows and the columns of its time', () => {
  const session = new ModelSession()
  session.apply({ do: 'put', table: 'items', row: ITEM, durability: 'durable' })
  const before = session.model.version
  const change = { do: 'alter', table: 'items', seed: 4 } as const
  const { project } = session.changeOf(change)
  session.apply(change)
  expect(session.model.get('items', 'a', before)).toEqual(ITEM)
  expect(session.model.get('items', 'a')).toEqual(project(ITEM))
  expect(project(ITEM)).not.toEqual(ITEM)
  expect(session.model.history('items').versionOf(['a'])).toBe(before)
})

const ITEM = { count: 1, sku: 'a', price: 0.5, hash: new Uint8Array(4), day: null }
