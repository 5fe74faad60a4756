import { join } from 'node:path'
import { open, type Database } from '@meru/db'
import { locationFor, resolveSnapshot } from './iceberg-files.ts'
import { QUESTIONS } from './questions.ts'
import type { Tables } from './recorder.ts'
import { answerLines, countOf, formatCount, shapeLines, workLines } from './report.ts'
import { chooseSampler } from './sampler.ts'
import type { Screen } from './screen.ts'
import { Duck } from './sql.ts'
import { processes, samples } from './tables.ts'
import { record, type Recording } from './workload.ts'

export interface Demonstration {
  readonly path: string
  readonly seconds: number
  readonly signal: AbortSignal
  readonly screen: Screen
}

/** Records, reports, and lets DuckDB read the files. Returns the exit code: 1 if any count differs. */
export async function demonstrate({ path, seconds, signal, screen }: Demonstration): Promise<number> {
  const sampler = chooseSampler()
  screen.line(`Recording this computer for ${seconds} s, from ${sampler.source}`)
  screen.dim(`into ${path}`)
  const database = await open(path)
  try {
    const tables: Tables = {
      database,
      processes: await database.table(processes),
      samples: await database.table(samples),
    }
    const recording = await record(tables, {
      sampler,
      seconds,
      signal,
      onProgress: ({ seconds: now, rows }) =>
        screen.progress(
          `  ${now.toFixed(1)} s  ${formatCount(rows)} rows  ${formatCount(rows / now)} rows/s`,
        ),
    })
    signal.throwIfAborted()
    screen.heading('Writing and reading at once')
    for (const line of workLines(recording)) screen.line(line)
    await compact(database, screen)
    signal.throwIfAborted()
    // The computer goes on: rows of the compacted files die, so that the export has deletes in it.
    await recording.recorder.tick({ onlyChanged: true })
    signal.throwIfAborted()
    return await readOutside(tables, recording, screen)
  } finally {
    await database.close()
  }
}

async function compact(database: Database, screen: Screen): Promise<void> {
  await database.flush()
  screen.heading('What the writes left on disk')
  for (const line of shapeLines(database.stats().tables)) screen.line(line)
  const started = performance.now()
  await database.compact()
  screen.heading(`After compaction (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  for (const line of shapeLines(database.stats().tables)) screen.line(line)
}

/** Exports both tables and compares what another engine finds in the files with what Meru says. */
async function readOutside(tables: Tables, recording: Recording, screen: Screen): Promise<number> {
  const duck = await Duck.open()
  try {
    const counted: { name: string; duck: number; meru: number; written: number }[] = []
    const written = {
      processes: recording.recorder.model.size,
      samples: recording.recorder.counts.samples + recording.lanes.latency.count,
    }
    screen.heading('One more tick, then exported as Iceberg: metadata only, no rewriting')
    for (const name of ['processes', 'samples'] as const) {
      const table = tables[name]
      const { location, pathOf } = locationFor(join(tables.database.path, 'tables', name))
      const { metadataFile } = await table.exportIceberg({ location })
      const files = await resolveSnapshot(metadataFile, pathOf)
      await duck.defineView(
        name,
        table.schema.columns.map((column) => column.name),
        files,
      )
      counted.push({ name, duck: await duck.count(name), meru: await table.count(), written: written[name] })
      const parts = `${countOf(files.data.length, 'data file')}, ${countOf(files.positionDeletes.length, 'delete file')}`
      screen.line(`  ${name}: ${parts}`)
    }
    for (const { about, sql } of QUESTIONS) {
      screen.heading(`DuckDB on the same files: ${about}`)
      for (const line of sql.split('\n')) screen.dim(`  ${line}`)
      for (const line of answerLines(await duck.query(sql))) screen.line(line)
    }
    screen.heading('Rows, counted three ways')
    for (const { name, duck: found, meru, written: known } of counted) {
      const isGood = found === meru && meru === known
      const counts = `DuckDB ${formatCount(found)}, Meru ${formatCount(meru)}, written ${formatCount(known)}`
      screen.verdict(`  ${name}: ${counts}: ${isGood ? 'equal' : 'NOT EQUAL'}`, { isGood })
    }
    return counted.every(({ duck: found, meru, written: known }) => found === meru && meru === known) ? 0 : 1
  } finally {
    duck.close()
  }
}
