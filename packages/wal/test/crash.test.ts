import { CRASH_MODES, type CrashMode, type FileSystem, MemoryFs } from '@meru/fs'
import { FaultyFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { payloadOf, prefixLength, recover, startLog } from './log.ts'

/** What a script has appended, and how many of these records it was promised. */
interface Journal {
  readonly appended: Uint8Array[]
  promised: number
}

const GROUPS = 14

/** Writes groups with and without sync, over several segments, and closes the log. */
async function runScript(
  fs: FileSystem,
  journal: Journal,
  options: { epoch: number; preallocate: boolean },
): Promise<void> {
  const random = new Random(`crash script ${options.epoch}`)
  const wal = await startLog(fs, { segmentBytesMax: 2048, ...options })
  for (let group = 0; group < GROUPS; group++) {
    for (let records = random.between(1, 4); records > 0; records--) {
      const payload = payloadOf(journal.appended.length, random.oneIn(8) ? 3000 : random.below(400))
      wal.append(payload)
      journal.appended.push(payload)
    }
    if (group % 5 === 4) await wal.rotate()
    const count = journal.appended.length
    const sync = random.below(3) > 0
    await wal.commit({ sync })
    if (sync) journal.promised = count
  }
  await wal.close()
  journal.promised = journal.appended.length
}

/** Runs the script up to a call; returns what is on the disk, and the journal. */
async function crashAt(
  call: number,
  memory: MemoryFs,
  journal: Journal,
  options: { epoch: number; preallocate: boolean },
): Promise<boolean> {
  const faulty = new FaultyFs(memory)
  faulty.crashAt(call)
  try {
    await runScript(faulty.fs, journal, options)
    return false
  } catch {
    return true
  }
}

describe.each([{ preallocate: false }, { preallocate: true }])(
  'a crash at any call, $preallocate',
  ({ preallocate }) => {
    test.each(CRASH_MODES)('keeps all promised records and no hole, mode %s', async (mode: CrashMode) => {
      const random = new Random(`crash ${mode}`)
      let crashes = 0
      for (let call = 1; ; call++) {
        const memory = new MemoryFs()
        const journal: Journal = { appended: [], promised: 0 }
        if (!(await crashAt(call, memory, journal, { epoch: 1, preallocate }))) break
        crashes++
        const { payloads } = await recover(memory.crashImage(mode, random.below))
        const found = prefixLength(journal.appended, payloads)
        expect(found, `call ${call}`).toBeGreaterThanOrEqual(journal.promised)
      }
      expect(crashes).toBeGreaterThan(60)
    })
  },
)

test('a crash of the process keeps all that was handed to the operating system', async () => {
  for (let call = 1; ; call++) {
    const memory = new MemoryFs()
    const journal: Journal = { appended: [], promised: 0 }
    if (!(await crashAt(call, memory, journal, { epoch: 1, preallocate: true }))) break
    const { payloads } = await recover(memory.kill())
    expect(prefixLength(journal.appended, payloads), `call ${call}`).toBeGreaterThanOrEqual(journal.promised)
  }
})

test('a second epoch goes on where a crash left the first, and may crash too', async () => {
  const random = new Random('second crash')
  for (let round = 0; round < 150; round++) {
    const first = new MemoryFs()
    const journal: Journal = { appended: [], promised: 0 }
    await crashAt(random.between(5, 90), first, journal, { epoch: 1, preallocate: true })
    const found = first.crashImage('any', random.below)
    const recovered = await recover(found)
    const later: Journal = { appended: [], promised: 0 }
    await crashAt(random.between(1, 90), found, later, { epoch: 2, preallocate: true })
    const { payloads } = await recover(found.crashImage('any', random.below))
    const kept = recovered.payloads.length
    expect(prefixLength(recovered.payloads, payloads.slice(0, kept))).toBe(kept)
    expect(prefixLength(later.appended, payloads.slice(kept))).toBeGreaterThanOrEqual(later.promised)
  }
})
