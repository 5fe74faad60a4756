/** One breach of a rule of the Iceberg specification, or of the narrower rules that all readers share. */
export interface Violation {
  /** Which part is wrong. */
  readonly rule: Rule
  /** Path of the file. */
  readonly file: string
  readonly problem: string
}

export type Rule =
  | 'hint'
  | 'metadata'
  | 'uri'
  | 'schema'
  | 'snapshot'
  | 'log'
  | 'row-id'
  | 'summary'
  | 'avro'
  | 'manifest-list'
  | 'manifest'
  | 'entry'
  | 'partition'
  | 'bounds'
  | 'data-file'
  | 'delete-file'

/** Any decoded value as text, for messages and comparison. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join()}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{${Object.entries(value)
    .map(([key, member]) => `${key}:${valueText(member)}`)
    .join()}}`
}

/** Collects violations. */
export class Report {
  readonly violations: Violation[] = []

  add(rule: Rule, file: string, problem: string): void {
    this.violations.push({ rule, file, problem })
  }

  /** Adds the violation unless the claim holds; returns whether it does. */
  require(claim: boolean, rule: Rule, file: string, problem: string): boolean {
    if (!claim) this.add(rule, file, problem)
    return claim
  }

  /** For both, without a difference. */
  equal(actual: unknown, expected: unknown, rule: Rule, file: string, what: string): void {
    const [found, wanted] = [valueText(actual), valueText(expected)]
    if (found !== wanted) this.add(rule, file, `${what} is ${found}, ${wanted} expected`)
  }
}
