import { describe, expect, test } from 'vitest'
import { DEFAULT_SETTINGS, resolveSettings } from '../src/settings.ts'

describe('resolveSettings', () => {
  test('what is not given is as in DEFAULT_SETTINGS', () => {
    expect(resolveSettings(undefined)).toEqual(DEFAULT_SETTINGS)
    expect(resolveSettings({ memtableBytesMax: 4096 })).toEqual({
      ...DEFAULT_SETTINGS,
      memtableBytesMax: 4096,
    })
  })

  test('of the layouts either may be given alone', () => {
    const deeper = { pageRows: 2048 }
    expect(resolveSettings({ layout: { deeper } }).layout).toEqual({ level0: {}, deeper })
    expect(resolveSettings({ layout: { level0: deeper } }).layout).toEqual({ level0: deeper, deeper: {} })
  })

  test.each([
    [{ memtableBytesMax: 0 }, 'memtableBytesMax'],
    [{ levelRatio: 1 }, 'levelRatio'],
    [{ memtableSize: 1 }, 'memtableSize'],
    [{ l0StopFiles: 3, l0SlowdownFiles: 3 }, 'l0StopFiles'],
    [{ l0CompactionFiles: 13 }, 'l0SlowdownFiles'],
    [{ pendingStopBytes: 3, pendingSlowdownBytes: 3 }, 'pendingStopBytes'],
    [{ layout: { level0: { pageRows: -8 }, deeper: {} } }, 'pageRows'],
    [{ layout: { level0: { pageRows: 12 } } }, 'level 0: pageRows'],
    [{ layout: { deeper: { pageRows: 100_000 } } }, 'level 1: rowGroupRows'],
    [{ layout: { deeper: { rowGroupRows: 8 } } }, 'pageRows (512)'],
  ])('%j is refused by name', (settings, name) => {
    expect(() => resolveSettings(settings as never)).toThrow(TypeError)
    expect(() => resolveSettings(settings as never)).toThrow(name)
  })
})
