/** What a call throws; `undefined` if it does not. */
export function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}
