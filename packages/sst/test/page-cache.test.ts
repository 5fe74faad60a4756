import { describe, expect, test } from 'vitest'
import { PageCache, type PageContent, type PageTable } from '../src/page-cache.ts'

function page(bytes: number): PageContent {
  return {
    rows: undefined,
    keys: undefined,
    vector: { physical: 'bool', length: bytes, values: new Uint8Array(bytes) },
  }
}

/** Room for about ten pages of 600 bytes beside the frames. */
const SMALL = { bytesMax: 40_000 }

describe('page cache', () => {
  test('holds what fits and lets go of what was not used', () => {
    const cache = new PageCache(SMALL)
    const table: PageTable = []
    for (let unit = 0; unit < 50; unit++) {
      cache.insert(table, [{ unit, content: page(600) }])
      const first = table[0]
      if (first !== undefined) first.used = true
    }
    expect(table[0]).toBeDefined()
    expect(table.filter((cached) => cached !== undefined).length).toBe(10)
    expect(cache.stats()).toMatchObject({ pages: 10, bytes: 10_000, evictions: 40, bytesMax: 40_000 })
  })

  test('pages inserted together are all there, even where none fits', () => {
    const cache = new PageCache({ bytesMax: 0 })
    const table: PageTable = []
    cache.insert(
      table,
      [0, 1, 2].map((unit) => ({ unit, content: page(600) })),
    )
    expect(table.filter((cached) => cached !== undefined).length).toBe(3)
    cache.insert(
      table,
      [0, 9].map((unit) => ({ unit, content: page(600) })),
    )
    expect(table.map((cached) => cached !== undefined)).toEqual([
      true,
      false,
      false,
      ...Array<boolean>(6),
      true,
    ])
  })

  test('a page that is there already is not counted twice', () => {
    const cache = new PageCache(SMALL)
    const table: PageTable = []
    cache.insert(table, [{ unit: 3, content: page(600) }])
    const [first] = table.slice(3)
    cache.insert(
      table,
      [3, 4].map((unit) => ({ unit, content: page(600) })),
    )
    expect(table[3]).toBe(first)
    expect(cache.stats()).toMatchObject({ pages: 2, bytes: 2000 })
  })

  test('a dropped file takes its pages along and leaves those of others', () => {
    const cache = new PageCache(SMALL)
    const tables: PageTable[] = [[], []]
    for (const table of tables)
      cache.insert(
        table,
        [0, 1].map((unit) => ({ unit, content: page(600) })),
      )
    cache.drop(tables[0], new Int32Array(1))
    expect(tables[0]).toEqual([undefined, undefined])
    expect(tables[1].filter((cached) => cached !== undefined).length).toBe(2)
    expect(cache.stats()).toMatchObject({ pages: 2, bytes: 2000 })
  })

  test('refuses a size that is none', () => {
    expect(() => new PageCache({ bytesMax: -1 })).toThrow(TypeError)
    expect(() => new PageCache({ bytesMax: NaN })).toThrow(TypeError)
  })
})
