import { runScript } from './child.ts'
import { circumstances, type Circumstances } from './results.ts'

export interface PublishOptions {
  /** Small files stand for a large table: the metadata sees files, not rows. */
  readonly tables: readonly { readonly rows: number; readonly fileBytes: number }[]
  readonly upserts: number
  readonly rounds: number
  /** Larger tables are not read back by another reader. */
  readonly checkedRowsMax: number
}

/** An incremental publication after upserts that were flushed before. */
export interface Publication {
  readonly rows: number
  readonly dataFiles: number
  readonly upserts: number
  readonly milliseconds: number
  readonly cpuMilliseconds: number
  readonly metadataBytes: number
}

export interface PublishResults {
  readonly circumstances: Circumstances
  readonly options: PublishOptions
  readonly publications: readonly Publication[]
}

export async function publish(options: PublishOptions): Promise<PublishResults> {
  const publications = (await runScript('run-publish.ts', [JSON.stringify(options)])) as Publication[]
  return { circumstances: circumstances(), options, publications }
}
