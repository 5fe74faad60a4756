import { CRASH_MODES, MemoryFs, type FileSystem } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { applyEdit, emptyState, Manifest } from '../src/index.ts'
import { hookedFs } from './hooked-fs.ts'
import {
  addFile,
  content,
  CREATE_USERS,
  dead,
  randomFrom,
  removeFile,
  sampleEnvironment,
  setDead,
  sst,
} from './samples.ts'
import { openWriter } from './writer.ts'

const EDITS = [
  { changes: [CREATE_USERS] },
  { changes: [addFile(sst(1))] },
  { changes: [addFile(sst(2)), setDead(1, dead(90, 2))] },
  { changes: [removeFile(1), removeFile(2), addFile(sst(3, { level: 1 }))] },
  { changes: [addFile(sst(4))] },
]

/** What is known when the power fails: versions that were asked for, and the last that was acknowledged. */
interface Knowledge {
  readonly asked: readonly string[]
  readonly acknowledged: number
}

type Look = (knowledge: Knowledge) => Promise<void>

/** Runs a script of two writers, and looks before every call of the file system. */
async function runScript(memory: FileSystem, look: Look): Promise<void> {
  const asked = [content(emptyState())]
  let acknowledged = 1
  const fs = hookedFs(memory, () => look({ asked, acknowledged }))
  for (const half of [EDITS.slice(0, 3), EDITS.slice(3)]) {
    const manifest = await openWriter(fs, { env: sampleEnvironment(asked.length * 1000), editsPerState: 1 })
    for (const edit of half) {
      await manifest.commit((state) => {
        asked.push(content(applyEdit(state, edit)))
        return edit
      })
      acknowledged = asked.length
    }
  }
  await look({ asked, acknowledged })
}

/** Opens what a crash left and checks that it is a version that was asked for and no older than promised. */
async function expectPromise(
  image: MemoryFs,
  { asked, acknowledged }: Knowledge,
  where: string,
): Promise<void> {
  const loaded = await Manifest.load(image)
  const manifest = await openWriter(image, { env: sampleEnvironment(900_000), owner: 'after the crash' })
  const found = content(manifest.current)
  expect({ where, found }).toEqual({ where, found: content(loaded ?? emptyState()) })
  const version = asked.lastIndexOf(found) + 1
  if (version < acknowledged) {
    throw new Error(
      `${where}: found version ${version} of ${asked.length}, though ${acknowledged} was acknowledged`,
    )
  }
  const after = await manifest.commit({ changes: [{ kind: 'setLastSeqno', seqno: 1000 }] })
  expect({ where, state: await Manifest.load(image) }).toEqual({ where, state: after })
}

describe('a crash before any call keeps what was acknowledged', () => {
  test.each(CRASH_MODES)('when it leaves %s', async (mode) => {
    const memory = new MemoryFs()
    let calls = 0
    await runScript(memory, async (knowledge) => {
      calls++
      for (const seed of mode === 'drop' || mode === 'grown' ? [1] : [1, 2, 3]) {
        const image = memory.crashImage(mode, randomFrom(calls * 10 + seed))
        await expectPromise(image, knowledge, `${mode}, call ${calls}, seed ${seed}`)
      }
    })
    expect(calls).toBeGreaterThan(80)
  })

  test('and so does a second crash during the recovery from the first', async () => {
    const memory = new MemoryFs()
    const random = randomFrom(77)
    let calls = 0
    await runScript(memory, async (knowledge) => {
      if (++calls % 3 !== 0) return
      const first = memory.crashImage('any', random)
      const recovering = hookedFs(first, async () => {
        const second = first.crashImage('any', random)
        await expectPromise(second, knowledge, `call ${calls}, during recovery`)
      })
      const manifest = await openWriter(recovering, { env: sampleEnvironment(500_000) })
      expect(manifest.current.owner).toBe('writer')
    })
    expect(calls).toBeGreaterThan(80)
  })
})
