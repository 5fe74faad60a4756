/** Entries of a node. */
const NODE = 64

/** Of node n, entry i at n × NODE + i: the prefix, the ref of the key, and in inner nodes the child. */
interface Nodes {
  readonly prefixes: Float64Array
  readonly refs: Int32Array
  readonly children: Int32Array
  readonly counts: Int32Array
}

/**
 * What the memtable is measured against: a B+tree in typed arrays that is in order after every put. Of
 * each key a node holds 6 bytes as a double, those behind the prefix that all keys share, and looks at
 * the whole key only on ties. One version per key and no limit; fixed room for `keysMax`.
 */
export class Btree {
  readonly #arena: Uint8Array
  #used = 8
  readonly #prefixLength: number
  readonly #nodes: Nodes
  #nodesUsed = 1
  #root = 0
  #height = 0

  constructor(keysMax: number, bytesMax: number, prefixLength: number) {
    const nodes = Math.ceil(keysMax / (NODE / 2)) * 1.1 + 64
    this.#arena = new Uint8Array(bytesMax)
    this.#prefixLength = prefixLength
    this.#nodes = {
      prefixes: new Float64Array(nodes * NODE),
      refs: new Int32Array(nodes * NODE),
      children: new Int32Array(nodes * NODE),
      counts: new Int32Array(nodes),
    }
  }

  put(bytes: Uint8Array, start: number, keyEnd: number, end: number): void {
    const prefix = this.#prefixOf(bytes, start, keyEnd)
    const split = this.#insert(this.#root, this.#height, prefix, bytes, start, keyEnd, end)
    if (split < 0) return
    const root = this.#nodesUsed++
    for (const [i, child] of [this.#root, split].entries()) {
      this.#nodes.prefixes[root * NODE + i] = this.#nodes.prefixes[child * NODE]
      this.#nodes.refs[root * NODE + i] = this.#nodes.refs[child * NODE]
      this.#nodes.children[root * NODE + i] = child
    }
    this.#nodes.counts[root] = 2
    this.#root = root
    this.#height++
  }

  /** The ref of a key, or 0. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const prefix = this.#prefixOf(bytes, start, end)
    let node = this.#root
    for (let level = this.#height; level > 0; level--) {
      node = this.#nodes.children[node * NODE + Math.max(0, this.#rank(node, prefix, bytes, start, end))]
    }
    const ref = this.#nodes.refs[node * NODE + Math.max(0, this.#rank(node, prefix, bytes, start, end))]
    return this.#compare(ref, bytes, start, end) === 0 ? ref : 0
  }

  /** Inserts below a node, and returns the node that was split off or −1. */
  #insert(
    node: number,
    level: number,
    prefix: number,
    bytes: Uint8Array,
    start: number,
    keyEnd: number,
    end: number,
  ): number {
    const rank = this.#rank(node, prefix, bytes, start, keyEnd)
    if (level === 0) return this.#add(node, rank + 1, prefix, this.#append(bytes, start, keyEnd, end), 0)
    const at = Math.max(0, rank)
    const child = this.#nodes.children[node * NODE + at]
    const split = this.#insert(child, level - 1, prefix, bytes, start, keyEnd, end)
    this.#nodes.prefixes[node * NODE + at] = this.#nodes.prefixes[child * NODE]
    this.#nodes.refs[node * NODE + at] = this.#nodes.refs[child * NODE]
    return split < 0
      ? -1
      : this.#add(node, at + 1, this.#nodes.prefixes[split * NODE], this.#nodes.refs[split * NODE], split)
  }

  #add(node: number, at: number, prefix: number, ref: number, child: number): number {
    const { prefixes, refs, children, counts } = this.#nodes
    const start = node * NODE
    const count = counts[node]
    for (let i = start + count; i > start + at; i--) {
      prefixes[i] = prefixes[i - 1]
      refs[i] = refs[i - 1]
      children[i] = children[i - 1]
    }
    prefixes[start + at] = prefix
    refs[start + at] = ref
    children[start + at] = child
    counts[node] = count + 1
    return count + 1 < NODE ? -1 : this.#split(node, at === count ? NODE - 1 : NODE / 2)
  }

  #split(node: number, kept: number): number {
    const right = this.#nodesUsed++
    const from = node * NODE + kept
    const to = (node + 1) * NODE
    for (const array of [this.#nodes.prefixes, this.#nodes.refs, this.#nodes.children])
      array.copyWithin(right * NODE, from, to)
    this.#nodes.counts[node] = kept
    this.#nodes.counts[right] = NODE - kept
    return right
  }

  /** The last entry at or before a key, or −1. */
  #rank(node: number, prefix: number, bytes: Uint8Array, start: number, end: number): number {
    const { prefixes, refs, counts } = this.#nodes
    const from = node * NODE
    let low = from
    let high = from + counts[node]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = prefixes[middle]
      const isBefore = other === prefix ? this.#compare(refs[middle], bytes, start, end) <= 0 : other < prefix
      if (isBefore) low = middle + 1
      else high = middle
    }
    return low - from - 1
  }

  #append(bytes: Uint8Array, start: number, keyEnd: number, end: number): number {
    const ref = this.#used
    this.#arena[ref] = keyEnd - start
    for (let i = start, at = ref + 8; i < end; i++, at++) this.#arena[at] = bytes[i]
    this.#used = ref + 8 + end - start
    return ref
  }

  #compare(ref: number, bytes: Uint8Array, start: number, end: number): number {
    const length = this.#arena[ref]
    const common = Math.min(length, end - start)
    for (let i = 0; i < common; i++) {
      const difference = this.#arena[ref + 8 + i] - bytes[start + i]
      if (difference !== 0) return difference
    }
    return length - (end - start)
  }

  #prefixOf(bytes: Uint8Array, start: number, end: number): number {
    let prefix = 0
    for (let i = start + this.#prefixLength, n = 0; n < 6; n++, i++)
      prefix = prefix * 256 + (i < end ? bytes[i] : 0)
    return prefix
  }
}
