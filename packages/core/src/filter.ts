import { boundVector, compareColumn, literalVector } from './column-literal.ts'
import type { ColumnStats } from './sst-meta.ts'
import { isBytes, isDate } from './value-check.ts'
import type { ColumnPlan } from './value-codec.ts'
import { isPresent, type BytesVector, type Vector } from './vector.ts'

/** Truth values, so that `and` is the least, `or` the greatest, and `not` the mirror image. */
const FALSE = 0
const UNKNOWN = 1
const TRUE = 2

type Comparison = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte'

/** For each result of a comparison, below, equal, above, whether an operator holds. */
const HOLDS: Readonly<Record<Comparison, readonly [below: boolean, equal: boolean, above: boolean]>> = {
  eq: [false, true, false],
  ne: [true, false, true],
  gt: [false, false, true],
  gte: [false, true, true],
  lt: [true, false, false],
  lte: [true, true, false],
}

type Node =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Node[] }
  | { readonly kind: 'not'; readonly part: Node }
  | { readonly kind: 'isNull'; readonly plan: ColumnPlan }
  | { readonly kind: 'prefix'; readonly plan: ColumnPlan; readonly prefix: Uint8Array }
  | {
      readonly kind: 'compare'
      readonly plan: ColumnPlan
      readonly operator: Comparison
      readonly literal: Vector
    }

/** What a condition may be for some rows, as far as statistics say. */
interface Chance {
  readonly canHold: boolean
  readonly canFail: boolean
}

const ANY: Chance = { canHold: true, canFail: true }

/** A compiled `where`: which rows of some columns it is true for, and which files cannot hold one. */
export class Filter {
  /** Field ids of the columns that it looks at. */
  readonly columnIds: readonly number[]
  private readonly root: Node

  private constructor(root: Node, columnIds: readonly number[]) {
    this.root = root
    this.columnIds = columnIds
  }

  /**
   * Compiles a `where` for the columns of a table. Throws a `TypeError` for unknown columns and operators, `INVALID` for
   * values that a column does not take.
   */
  static compile(table: string, plans: readonly ColumnPlan[], where: unknown): Filter {
    const ids = new Set<number>()
    const root = new Compiler(table, plans, ids).conditions(where)
    return new Filter(root, [...ids])
  }

  /** The rows for which it is true, ascending. `columns` are parallel to `columnIds`. */
  matches(columns: readonly Vector[], length: number): Uint32Array {
    const columnOf = new Map(this.columnIds.map((id, i) => [id, columns[i]]))
    const truth = evaluate(this.root, columnOf, length)
    const rows = new Uint32Array(length)
    let count = 0
    for (let row = 0; row < length; row++) if (truth[row] === TRUE) rows[count++] = row
    return rows.subarray(0, count)
  }

  /** False if no row of a file with these statistics can match. */
  mayMatch(columns: readonly ColumnStats[]): boolean {
    return chance(this.root, new Map(columns.map((stats) => [stats.id, stats]))).canHold
  }
}

class Compiler {
  private readonly table: string
  private readonly plans: readonly ColumnPlan[]
  private readonly ids: Set<number>

  constructor(table: string, plans: readonly ColumnPlan[], ids: Set<number>) {
    this.table = table
    this.plans = plans
    this.ids = ids
  }

  conditions(where: unknown): Node {
    if (!isPlain(where)) throw this.error('where', where, 'an object with conditions by column')
    const parts: Node[] = []
    for (const [name, condition] of Object.entries(where)) {
      if (condition === undefined) continue
      if (name === 'and' || name === 'or') {
        if (!Array.isArray(condition)) throw this.error(name, condition, 'a list of conditions')
        parts.push({ kind: name, parts: condition.map((part) => this.conditions(part)) })
      } else if (name === 'not') {
        parts.push({ kind: 'not', part: this.conditions(condition) })
      } else {
        parts.push(...this.column(name, condition))
      }
    }
    return { kind: 'and', parts }
  }

  private column(name: string, condition: unknown): Node[] {
    const plan = this.plans.find((candidate) => candidate.name === name)
    if (plan === undefined) {
      const names = this.plans.map((known) => known.name).join(', ')
      throw new TypeError(`table "${this.table}" has no column "${name}" for where; it has ${names}`)
    }
    this.ids.add(plan.id)
    if (condition === null) return [{ kind: 'isNull', plan }]
    if (plan.nested !== undefined) refuseNested(this.table, plan, condition)
    if (!isPlain(condition)) return [this.compare(plan, 'eq', condition)]
    return Object.entries(condition)
      .filter(([, value]) => value !== undefined)
      .map(([operator, value]) => this.operator(plan, operator, value))
  }

  private operator(plan: ColumnPlan, operator: string, value: unknown): Node {
    const what = `${plan.name}.${operator}`
    if (Object.hasOwn(HOLDS, operator)) return this.compare(plan, operator as Comparison, value)
    switch (operator) {
      case 'isNull':
        if (typeof value !== 'boolean') throw this.error(what, value, 'true or false')
        return value ? { kind: 'isNull', plan } : { kind: 'not', part: { kind: 'isNull', plan } }
      case 'in':
        if (!Array.isArray(value)) throw this.error(what, value, 'a list of values')
        return { kind: 'or', parts: value.map((one) => this.compare(plan, 'eq', one)) }
      case 'prefix': {
        if (plan.physical !== 'bytes') throw this.error(what, value, 'a column of strings or binaries')
        const { bytes } = literalVector(plan, value) as BytesVector
        return { kind: 'prefix', plan, prefix: bytes }
      }
      default:
        throw new TypeError(
          `table "${this.table}": where has no operator "${operator}" (column "${plan.name}"); ` +
            `there are ${[...Object.keys(HOLDS), 'in', 'prefix', 'isNull'].join(', ')}`,
        )
    }
  }

  private compare(plan: ColumnPlan, operator: Comparison, value: unknown): Node {
    if (value === null) throw this.error(`${plan.name}.${operator}`, value, 'a value; for null use isNull')
    return { kind: 'compare', plan, operator, literal: literalVector(plan, value) }
  }

  private error(what: string, value: unknown, expected: string): TypeError {
    return new TypeError(`table "${this.table}": ${what} in where is ${String(value)}; ${expected} expected`)
  }
}

/** Nested values have no order, nor one meaning of being equal, that readers agree on. */
function refuseNested(table: string, plan: ColumnPlan, condition: unknown): void {
  const isNullOnly = isPlain(condition) && Object.keys(condition).every((operator) => operator === 'isNull')
  if (isNullOnly) return
  throw new TypeError(
    `table "${table}": where does not compare nested columns, and "${plan.name}" is a ${plan.type.kind}; ` +
      'it knows null and { isNull: … } of them',
  )
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !isDate(value) && !isBytes(value)
}

function evaluate(node: Node, columnOf: ReadonlyMap<number, Vector>, length: number): Uint8Array {
  switch (node.kind) {
    case 'and':
    case 'or': {
      const isAnd = node.kind === 'and'
      const truth = new Uint8Array(length).fill(isAnd ? TRUE : FALSE)
      for (const part of node.parts) {
        const other = evaluate(part, columnOf, length)
        for (let i = 0; i < length; i++)
          if (isAnd ? other[i] < truth[i] : other[i] > truth[i]) truth[i] = other[i]
      }
      return truth
    }
    case 'not': {
      const truth = evaluate(node.part, columnOf, length)
      for (let i = 0; i < length; i++) truth[i] = TRUE - truth[i]
      return truth
    }
    default:
      return evaluateColumn(node, columnOf.get(node.plan.id) as Vector, length)
  }
}

type ColumnNode = Extract<Node, { readonly plan: ColumnPlan }>

function evaluateColumn(node: ColumnNode, column: Vector, length: number): Uint8Array {
  const truth = new Uint8Array(length)
  if (node.kind === 'isNull') {
    if (column.validity === undefined) return truth
    for (let i = 0; i < length; i++) if (!isPresent(column, i)) truth[i] = TRUE
    return truth
  }
  if (node.kind === 'prefix') {
    const { bytes, offsets } = column as BytesVector
    for (let i = 0; i < length; i++) {
      if (startsWith(bytes, offsets[i], offsets[i + 1], node.prefix)) truth[i] = TRUE
    }
  } else {
    const order = new Int8Array(length)
    compareColumn(node.plan.type, column, node.literal, order)
    const table = Uint8Array.from(HOLDS[node.operator], (holds) => (holds ? TRUE : FALSE))
    for (let i = 0; i < length; i++) truth[i] = table[order[i] + 1]
  }
  if (column.validity !== undefined) {
    for (let i = 0; i < length; i++) if (!isPresent(column, i)) truth[i] = UNKNOWN
  }
  return truth
}

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false
  return true
}

/** Whether a condition may be true, and may be false, for rows of which these are the statistics. Never too narrow. */
function chance(node: Node, statsOf: ReadonlyMap<number, ColumnStats>): Chance {
  switch (node.kind) {
    case 'and':
    case 'or': {
      const parts = node.parts.map((part) => chance(part, statsOf))
      const every = (key: keyof Chance): boolean => parts.every((part) => part[key])
      const some = (key: keyof Chance): boolean => parts.some((part) => part[key])
      return node.kind === 'and'
        ? { canHold: every('canHold'), canFail: some('canFail') }
        : { canHold: some('canHold'), canFail: every('canFail') }
    }
    case 'not': {
      const { canHold, canFail } = chance(node.part, statsOf)
      return { canHold: canFail, canFail: canHold }
    }
    default: {
      const stats = statsOf.get(node.plan.id)
      return stats === undefined ? ANY : columnChance(node, stats)
    }
  }
}

function columnChance(node: ColumnNode, stats: ColumnStats): Chance {
  const { nulls, values, lower, upper } = stats
  if (node.kind === 'isNull') return { canHold: nulls > 0, canFail: nulls < values }
  // A comparison with null is neither.
  if (nulls === values) return { canHold: false, canFail: false }
  if (node.kind === 'prefix') {
    const { prefix } = node
    const isBelow = upper !== undefined && comparePrefix(upper, prefix) < 0
    const isAbove = lower !== undefined && comparePrefix(lower, prefix) > 0
    return { canHold: !isBelow && !isAbove, canFail: true }
  }
  const { physical, type } = node.plan
  const isFloat = physical === 'f32' || physical === 'f64'
  // Bounds leave NaN out, which is above them.
  const mayBeNan = isFloat && stats.nans !== 0
  const least = lower === undefined ? -1 : compareOne(type, boundVector(node.plan, lower), node.literal)
  const most =
    upper === undefined || mayBeNan ? 1 : compareOne(type, boundVector(node.plan, upper), node.literal)
  const [below, equal, above] = HOLDS[node.operator]
  const canBe = [least < 0, least <= 0 && most >= 0, most > 0]
  const isSome = (holds: readonly boolean[]): boolean => holds.some((held, i) => held && canBe[i])
  return { canHold: isSome([below, equal, above]), canFail: isSome([!below, !equal, !above]) }
}

function compareOne(type: ColumnPlan['type'], value: Vector, literal: Vector): number {
  const order = new Int8Array(1)
  compareColumn(type, value, literal, order)
  return order[0]
}

/** How the first bytes of a bound, as many as the prefix has, compare with it. */
function comparePrefix(bound: Uint8Array, prefix: Uint8Array): number {
  for (let i = 0; i < prefix.length; i++) {
    if (i >= bound.length) return -1
    if (bound[i] !== prefix[i]) return bound[i] - prefix[i]
  }
  return 0
}
