import type { JsonRecord } from '@meru/formats/parts'

/** What is wrong with the frame around the elements; what is inside an element is for `JSON.parse`. */
export class JsonFrameError extends Error {
  override readonly name: string = 'JsonFrameError'
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

const NEWLINE = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Cuts a JSON text into the elements of its array while it arrives, so that no more than one is held. The
 * array is the whole text, or the member `features` of an object, as in GeoJSON.
 */
export class ElementCutter {
  /** What surrounds the current character: nothing yet, an object, the array, or nothing any more. */
  #frame: 'start' | 'object' | 'array' | 'end' = 'start'
  /** The depth of the array's elements: 1, or 2 for `features`; 0 until the array was met. */
  #arrayDepth = 0
  /** The last string outside the array: before a bracket it is the name of the member. */
  #name = ''
  readonly #scan = { line: 1, depth: 0, inString: false, isEscaped: false }
  /** The element so far. One is promised after a comma. */
  readonly #element = { text: '', line: 0, isPromised: false }

  /** False for an object without `features`. */
  get hasArray(): boolean {
    return this.#arrayDepth > 0
  }

  get isFeatureCollection(): boolean {
    return this.#arrayDepth === 2
  }

  /** Takes the next piece of the text and gives the elements that it completes. */
  push(chunk: string): JsonRecord[] {
    const found: JsonRecord[] = []
    const scan = this.#scan
    const element = this.#element
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const code = chunk.charCodeAt(i)
      if (this.#isText(code)) continue
      if (this.#frame === 'array') {
        const ends = scan.depth === this.#arrayDepth && (code === COMMA || code === CLOSE_ARRAY)
        if (ends) {
          element.text += chunk.slice(start, i)
          this.#cut(found, { isLast: code === CLOSE_ARRAY })
          start = i + 1
        } else if (element.line === 0) {
          element.line = scan.line
        }
      }
      if (this.#follow(code)) start = i + 1
    }
    if (this.#frame === 'array') element.text += chunk.slice(start)
    return found
  }

  /** Throws unless the text is complete. */
  end(): void {
    if (this.#frame === 'end') return
    const problem = this.#frame === 'start' ? 'the file is empty' : 'the file ends too early; it is cut off'
    throw new JsonFrameError(this.#scan.line, problem)
  }

  /** True for white space and whatever is inside a string. */
  #isText(code: number): boolean {
    const scan = this.#scan
    if (code === NEWLINE) scan.line++
    if (!scan.inString) return code === 0x20 || code === NEWLINE || code === 0x0d || code === 0x09
    if (scan.isEscaped) scan.isEscaped = false
    else if (code === BACKSLASH) scan.isEscaped = true
    else if (code === QUOTE) scan.inString = false
    if (scan.inString && this.#frame === 'object') this.#name += String.fromCharCode(code)
    return true
  }

  /** Follows the structure through one character; true where the array begins. */
  #follow(code: number): boolean {
    const scan = this.#scan
    const opens = code === OPEN_ARRAY || code === OPEN_OBJECT
    if (this.#frame === 'end') throw new JsonFrameError(scan.line, 'text follows the end of the JSON value')
    if (this.#frame === 'start' && !opens) {
      throw new JsonFrameError(scan.line, 'neither a JSON array nor an object starts here')
    }
    if (code === QUOTE) {
      scan.inString = true
      this.#name = ''
    } else if (opens) {
      scan.depth++
      return this.#open({ isArray: code === OPEN_ARRAY })
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      scan.depth--
      if (scan.depth === 0) this.#frame = 'end'
      else if (this.#frame === 'array' && scan.depth < this.#arrayDepth) this.#frame = 'object'
    }
    return false
  }

  #open({ isArray }: { readonly isArray: boolean }): boolean {
    const { depth } = this.#scan
    const isFeatures = this.#frame === 'object' && depth === 2 && this.#name === 'features'
    const begins = isArray && this.#arrayDepth === 0 && (this.#frame === 'start' || isFeatures)
    if (this.#frame === 'start') this.#frame = 'object'
    if (!begins) return false
    this.#frame = 'array'
    this.#arrayDepth = depth
    return true
  }

  #cut(found: JsonRecord[], { isLast }: { readonly isLast: boolean }): void {
    const element = this.#element
    const isNothing = element.text.trim() === ''
    // An empty array has no element; after a comma, or before one, an element must stand.
    if (!isNothing || !isLast || element.isPromised) {
      found.push({ text: element.text, line: element.line || this.#scan.line })
    }
    element.text = ''
    element.line = 0
    element.isPromised = !isLast
  }
}
