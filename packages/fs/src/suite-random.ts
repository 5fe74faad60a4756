import type { FileSystem, WriteHandle } from './file-system.ts'

const OPERATIONS = 400
const EMPTY = new Uint8Array(0)
const NAMES = ['a', 'b', 'x/a', 'x/b', 'x/y/a']

/** Random calls against a map of files; returns where the two disagree, which should be nowhere. */
export async function randomScript(fs: FileSystem, seed: number): Promise<string[]> {
  const script = new Script(fs, seed)
  await fs.makeDirectory('x/y')
  for (let i = 0; i < OPERATIONS; i++) await script.step(i)
  await script.finish()
  return script.disagreements
}

interface Content {
  value: Uint8Array
}

interface OpenFile {
  readonly handle: WriteHandle
  readonly bytes: Content
}

/** What the file system should hold: names of files, whose bytes several names may share. */
class Script {
  readonly disagreements: string[] = []
  readonly #fs: FileSystem
  readonly #files = new Map<string, Content>()
  #open: OpenFile | undefined
  #state: number

  constructor(fs: FileSystem, seed: number) {
    this.#fs = fs
    this.#state = seed
  }

  async step(number: number): Promise<void> {
    const from = this.#name()
    const to = this.#name()
    const choice = this.#below(10)
    if (choice < 4) await this.#write()
    else if (choice === 4) await this.#create(from)
    else if (choice === 5) await this.#link(from, to)
    else if (choice === 6) await this.#rename(from, to)
    else if (choice === 7) await this.#remove(from)
    else if (choice === 8) await this.#open?.handle.sync()
    else await this.#compare(number)
  }

  async finish(): Promise<void> {
    await this.#open?.handle.close()
  }

  async #create(path: string): Promise<void> {
    await this.#open?.handle.close()
    const handle = await this.#fs.create(path, { exclusive: false })
    const bytes = this.#files.get(path) ?? { value: EMPTY }
    bytes.value = EMPTY
    this.#files.set(path, bytes)
    this.#open = { handle, bytes }
  }

  async #write(): Promise<void> {
    if (this.#open === undefined) return
    const { handle, bytes } = this.#open
    const isAppend = this.#below(2) === 0
    const offset = isAppend ? bytes.value.length : this.#below(1200)
    const written = Uint8Array.from({ length: this.#below(900) }, () => this.#below(256))
    await handle.write(written, offset)
    if (written.length === 0) return
    const changed = new Uint8Array(Math.max(bytes.value.length, offset + written.length))
    changed.set(bytes.value)
    changed.set(written, offset)
    bytes.value = changed
  }

  async #link(from: string, to: string): Promise<void> {
    const source = this.#files.get(from)
    if (source === undefined || this.#files.has(to)) return
    await this.#fs.link(from, to)
    this.#files.set(to, source)
  }

  async #rename(from: string, to: string): Promise<void> {
    const source = this.#files.get(from)
    if (source === undefined || source === this.#files.get(to)) return
    await this.#fs.rename(from, to)
    this.#files.delete(from)
    this.#files.set(to, source)
  }

  async #remove(path: string): Promise<void> {
    await this.#fs.remove(path)
    this.#files.delete(path)
  }

  async #compare(number: number): Promise<void> {
    for (const path of NAMES) {
      const expected = this.#files.get(path)?.value
      const found = await this.#fs.readFile(path)
      const size = await this.#fs.size(path)
      if (size !== expected?.length)
        this.#disagree(number, `size of ${path}: ${size}, not ${expected?.length}`)
      if (!isSame(found, expected)) this.#disagree(number, `bytes of ${path}`)
    }
    for (const directory of ['', 'x', 'x/y']) {
      const found = (await this.#fs.list(directory)).toSorted().join()
      const expected = this.#expectedNames(directory).join()
      if (found !== expected) this.#disagree(number, `names in "${directory}": ${found}, not ${expected}`)
    }
  }

  #expectedNames(directory: string): string[] {
    const prefix = directory === '' ? '' : `${directory}/`
    const paths = [...this.#files.keys(), 'x/y/'].filter((path) => path.startsWith(prefix))
    const names = paths.map((path) => path.slice(prefix.length).split('/')[0])
    return [...new Set(names.filter((name) => name !== ''))].toSorted()
  }

  #disagree(number: number, what: string): void {
    this.disagreements.push(`step ${number}: ${what}`)
  }

  #name(): string {
    return NAMES[this.#below(NAMES.length)]
  }

  /** A linear congruential generator (Numerical Recipes); its high bits are good enough here. */
  #below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * bound)
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}
