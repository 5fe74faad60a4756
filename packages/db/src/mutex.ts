/** Runs tasks one after the other, in the order they came. */
export class Mutex {
  private last: Promise<unknown> = Promise.resolve()

  /** Runs `task` when every earlier one has ended, however it ended. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.last.then(task, task)
    this.last = result.catch(() => undefined)
    return result
  }
}
