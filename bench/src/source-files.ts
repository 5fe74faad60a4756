import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import type { SourceOf } from './profile-shares.ts'

/** Finds the sources of built packages by their source maps, as `package/file`. */
export function sourceFiles(): SourceOf {
  const maps = new Map<string, SourceMap | undefined>()
  return ({ url, lineNumber, columnNumber }) => {
    if (!/\/packages\/\w+\/(?:src|dist)\//.test(url)) return undefined
    if (!maps.has(url)) maps.set(url, readMap(url))
    const entry = maps.get(url)?.findEntry(lineNumber, columnNumber)
    if (entry === undefined || !('originalSource' in entry)) return nameOf(url)
    return nameOf(new URL(entry.originalSource, url).pathname)
  }
}

function nameOf(path: string): string {
  const library = path.split('/node_modules/').at(-1)
  if (library !== path) return /^(?:@[^/]+\/)?[^/]+/.exec(library ?? '')?.[0] ?? path
  return path.replace(/^.*\/packages\/(\w+)\/(?:src|dist)\/(.*?)(?:\.\w+)?$/, '$1/$2')
}

function readMap(url: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')) as SourceMapPayload)
  } catch {
    return undefined
  }
}
