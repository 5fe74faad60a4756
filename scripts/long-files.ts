// A reporter for Vitest that names the test files that take long: of a run that hangs they say where.
import type { Reporter, TestModule } from 'vitest/node'

const MINUTE = 60_000
const LONG_MINUTES = 4

export class LongFiles implements Reporter {
  readonly #started = new Map<TestModule, number>()
  #timer: NodeJS.Timeout | undefined

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#tell(), MINUTE)
    this.#timer.unref()
  }

  onTestModuleStart(file: TestModule): void {
    this.#started.set(file, performance.now())
  }

  onTestModuleEnd(file: TestModule): void {
    this.#started.delete(file)
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer)
  }

  #tell(): void {
    for (const [file, started] of this.#started) {
      const minutes = Math.floor((performance.now() - started) / MINUTE)
      if (minutes >= LONG_MINUTES) console.log(`running for ${minutes} minutes: ${file.relativeModuleId}`)
    }
  }
}
