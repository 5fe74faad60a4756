import { execPath } from 'node:process'
import { describe, expect, test } from 'vitest'
import { runProgram } from '../interop/run-program.ts'

const timeoutMs = 20_000
/** More than a pipe holds. */
const LONG = 'x'.repeat(1 << 20)

describe('runProgram', () => {
  test('answers what the program prints of its input', async () => {
    const echo = 'process.stdin.pipe(process.stdout)'
    expect(await runProgram(execPath, ['-e', echo], { input: LONG, timeoutMs })).toBe(LONG)
    expect(await runProgram(execPath, ['-e', echo], { timeoutMs })).toBe('')
  })

  test('takes a program that does not read its input by its exit status', async () => {
    const options = { input: LONG, timeoutMs }
    expect(await runProgram(execPath, ['-e', 'console.log("done")'], options)).toBe('done\n')
    const failing = 'console.error("first\\nlast"); process.exitCode = 3'
    await expect(runProgram(execPath, ['-e', failing], options)).rejects.toThrow(/: last$/)
  })

  test('says that it stopped a program that does not end, and which program is not there', async () => {
    const endless = ['-e', 'setInterval(() => {}, 1000)']
    await expect(runProgram(execPath, endless, { timeoutMs: 1000 })).rejects.toThrow('stopped after 1 s')
    await expect(runProgram('no-such-program', [], { timeoutMs })).rejects.toThrow(
      /^no-such-program: .*ENOENT/,
    )
  })
})
