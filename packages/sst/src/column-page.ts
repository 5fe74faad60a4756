import type { Vector } from '@meru/core'
import type { ByteRange, LoadedRange } from './byte-ranges.ts'
import { nestedPage } from './nested-page.ts'
import { dataPage } from './page-body.ts'
import type { ColumnPlaces } from './page-places.ts'
import { VectorSink } from './vector-sink.ts'

/** What to read of the file for a page of a column: one piece, or one for each leaf of a nested column. */
export function pageRanges(places: ColumnPlaces, page: number): ByteRange[] {
  if (places.nested !== undefined) return places.nested.leaves.flatMap((leaf) => pageRanges(leaf, page))
  return [{ offset: places.offsets[page], length: places.lengths[page] }]
}

/** All values of a page, checked and decoded. */
export function pageVector(
  file: string,
  places: ColumnPlaces,
  { page, group }: { readonly page: number; readonly group: number },
  loaded: readonly LoadedRange[],
  dictionary: Vector | undefined,
): Vector {
  if (places.nested !== undefined) return nestedPage(file, places.nested, page, group, loaded)
  const body = dataPage(file, places, page, group, loaded, dictionary)
  const sink = new VectorSink(places.column, body.rows, body.end - body.start)
  sink.append(body, 0, body.rows)
  return sink.finish()
}
