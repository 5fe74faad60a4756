import { describe, expect, test } from 'vitest'
import { layoutFor } from '../src/layout.ts'

describe('layout', () => {
  test('level 0 is cheap to write, deeper levels are small', () => {
    expect(layoutFor(0)).toMatchObject({ compression: 'none', dictionary: false })
    expect(layoutFor(1)).toMatchObject({ compression: 'zstd', dictionary: true })
    expect(layoutFor(5)).toEqual(layoutFor(1))
  })

  test('single settings can be replaced', () => {
    expect(layoutFor(1, { pageRows: 8, rowGroupRows: 16 })).toEqual({
      ...layoutFor(1),
      pageRows: 8,
      rowGroupRows: 16,
    })
  })

  test.each([
    [{ pageRows: 12 }, /pageRows is 12/],
    [{ pageRows: 0 }, /pageRows is 0/],
    [{ pageRows: 64, rowGroupRows: 100 }, /rowGroupRows is 100.*pageRows \(64\)/],
    [{ rowPageBytes: -1 }, /-1/],
    [{ pageBytes: 0 }, /, 0 and/],
    [{ rowGroupBytes: 0 }, /and 0$/],
    [{ filterBits: 0 }, /filterBits is 0/],
  ])('%j cannot be', (overrides, message) => {
    expect(() => layoutFor(1, overrides)).toThrow(TypeError)
    expect(() => layoutFor(1, overrides)).toThrow(message)
  })
})
