import type { ColumnMode } from './column.ts'
import { isNested, typeName, type ColumnType } from './column-type.ts'
import { widenedType } from './nested-change.ts'
import { partMode } from './nested-type.ts'
import { columnCode, valueCode } from './schema-code.ts'

/** A column of a table, or a field of a struct. */
interface Item {
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly writeDefault?: string
}

/** Calls of an alteration as code, and what no call can do. */
export interface ChangePlan {
  readonly steps: string[]
  readonly refusals: string[]
}

type ModeOf = (name: string) => ColumnMode | undefined

/** Plans the calls that make stored columns, or fields of a struct at `path`, the declared ones. */
export function planChanges(
  stored: readonly Item[],
  declared: readonly Item[],
  modeOf: ModeOf,
  path: string,
  plan: ChangePlan,
): void {
  const known = new Map(stored.map((item) => [item.name, item]))
  for (const item of declared) {
    const old = known.get(item.name)
    const mode = modeOf(item.name)
    if (old === undefined) planAddition(item, mode, path, plan)
    else planChange(old, item, mode, path, plan)
  }
  const names = new Set(declared.map(({ name }) => name))
  for (const { name } of stored) if (!names.has(name)) plan.steps.push(`.drop(${JSON.stringify(name)})`)
  plan.steps.push(...moves(stored, declared))
}

/** Only scalar columns bring a value for rows that are there along. */
function planAddition(item: Item, mode: ColumnMode | undefined, path: string, plan: ChangePlan): void {
  const mayHaveValue = path === '' && !isNested(item.type)
  const name = JSON.stringify(item.name)
  if (item.required && !(mayHaveValue && item.writeDefault !== undefined)) {
    const way = mayHaveValue ? 'give it a default or make it nullable' : 'make it nullable'
    plan.refusals.push(`${label(path, item.name)} is required; ${way}`)
  } else if (mayHaveValue || item.writeDefault === undefined) {
    plan.steps.push(`.add(${name}, ${columnCode(item, mode)})`)
  } else {
    plan.steps.push(`.add(${name}, ${columnCode({ type: item.type, required: false }, mode)})`)
    plan.steps.push(`.setDefault(${name}, ${valueCode(item, mode, item.writeDefault)})`)
  }
}

function planChange(
  old: Item,
  item: Item,
  mode: ColumnMode | undefined,
  path: string,
  plan: ChangePlan,
): void {
  const name = JSON.stringify(item.name)
  if (typeName(old.type) !== typeName(item.type)) planType(old, item, mode, path, plan)
  if (old.required && !item.required) plan.steps.push(`.makeNullable(${name})`)
  if (!old.required && item.required) {
    plan.refusals.push(
      `${label(path, item.name)} may hold null and cannot become required; declare it nullable`,
    )
  }
  if (old.writeDefault === item.writeDefault || plan.refusals.length > 0) return
  if (item.writeDefault === undefined) plan.steps.push(`.dropDefault(${name})`)
  else plan.steps.push(`.setDefault(${name}, ${valueCode(item, mode, item.writeDefault)})`)
}

function planType(old: Item, item: Item, mode: ColumnMode | undefined, path: string, plan: ChangePlan): void {
  const name = JSON.stringify(item.name)
  if (widenedType(old.type, item.type) !== undefined) {
    plan.steps.push(`.widen(${name}, ${columnCode({ type: item.type, required: true }, mode)})`)
    return
  }
  const struct = structsIn(old.type, item.type, mode)
  if (struct === undefined) {
    const change = `${typeName(old.type)} to ${typeName(item.type)}`
    plan.refusals.push(
      `${label(path, item.name)} cannot go from ${change}; add another column and copy into it`,
    )
    return
  }
  const inner: ChangePlan = { steps: [], refusals: plan.refusals }
  const innerPath = path === '' ? item.name : `${path}.${item.name}`
  planChanges(struct.stored, struct.declared, struct.modeOf, innerPath, inner)
  plan.steps.push(`.within(${name}, (s) => s${inner.steps.join('')})`)
}

/** The structs that `within` leads to, if all around them is equal. */
function structsIn(
  stored: ColumnType,
  declared: ColumnType,
  mode: ColumnMode | undefined,
): { stored: readonly Item[]; declared: readonly Item[]; modeOf: ModeOf } | undefined {
  if (stored.kind === 'struct' && declared.kind === 'struct') {
    return { stored: stored.fields, declared: declared.fields, modeOf: (name) => partMode(mode, name) }
  }
  if (
    stored.kind === 'list' &&
    declared.kind === 'list' &&
    stored.element.required === declared.element.required
  ) {
    return structsIn(stored.element.type, declared.element.type, partMode(mode, 'element'))
  }
  if (stored.kind !== 'map' || declared.kind !== 'map') return undefined
  if (stored.value.required !== declared.value.required) return undefined
  if (typeName(stored.key.type) !== typeName(declared.key.type)) return undefined
  return structsIn(stored.value.type, declared.value.type, partMode(mode, 'value'))
}

function label(path: string, name: string): string {
  return path === '' ? `column "${name}"` : `field "${name}" of "${path}"`
}

/** Moves that bring the items, after additions at the end and drops, into the declared order. */
function moves(stored: readonly Item[], declared: readonly Item[]): string[] {
  const wanted = declared.map(({ name }) => name)
  const kept = stored.map(({ name }) => name).filter((name) => wanted.includes(name))
  const order = [...kept, ...wanted.filter((name) => !kept.includes(name))]
  const steps: string[] = []
  wanted.forEach((name, i) => {
    if (order[i] === name) return
    order.splice(order.indexOf(name), 1)
    order.splice(i, 0, name)
    const place = i === 0 ? "'first'" : `{ after: ${JSON.stringify(wanted[i - 1])} }`
    steps.push(`.move(${JSON.stringify(name)}, ${place})`)
  })
  return steps
}
