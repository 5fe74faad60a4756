/** How much a random test does: for each seed so many operations. */
export interface Effort {
  readonly seeds: readonly number[]
  readonly operations: number
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * The effort that the environment asks for: `MERU_SEED` runs that one seed, `MERU_SEEDS` so many from 1
 * up, `MERU_OPS` so many operations each. Pass `process.env`; what it leaves open comes from `usual`.
 */
export function seedsFromEnvironment(
  variables: Variables,
  usual: { readonly seeds: number; readonly operations: number },
): Effort {
  const only = wholeNumber(variables, 'MERU_SEED')
  const count = wholeNumber(variables, 'MERU_SEEDS') ?? usual.seeds
  return {
    seeds: only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [only],
    operations: wholeNumber(variables, 'MERU_OPS') ?? usual.operations,
  }
}

/** The line that runs one seed of a test file again; part of every failure's message. */
export function replayCommand(file: string, seed: number, operations: number): string {
  return `MERU_SEED=${seed} MERU_OPS=${operations} pnpm vitest run ${file}`
}

function wholeNumber(variables: Variables, name: string): number | undefined {
  const text = variables[name]
  if (text === undefined || text === '') return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0)
    throw new TypeError(`${name}=${text} is not a whole number`)
  return number
}
