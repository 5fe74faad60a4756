import { createIfAbsent, MemoryFs, nodeEnvironment } from '@meru/fs'
import { expect, test } from 'vitest'
import { TracedFs } from '../src/index.ts'

test('a trace shows each change of the disk in its order, and unique names by number', async () => {
  const traced = new TracedFs(new MemoryFs())
  await traced.fs.makeDirectory('x')
  await createIfAbsent(traced.fs, nodeEnvironment(), 'x/1', new Uint8Array(5))
  traced.note('again')
  await createIfAbsent(traced.fs, nodeEnvironment(), 'x/1', new Uint8Array(5))
  expect(await traced.fs.list('x')).toEqual(['1'])
  await traced.fs.syncDirectory('')
  expect(traced.text).toBe(`makeDirectory x
create x/1.<1>.tmp exclusive
write x/1.<1>.tmp 0+5
sync x/1.<1>.tmp
link x/1.<1>.tmp -> x/1
remove x/1.<1>.tmp
syncDirectory x
# again
create x/1.<2>.tmp exclusive
write x/1.<2>.tmp 0+5
sync x/1.<2>.tmp
link x/1.<2>.tmp -> x/1 = EEXIST
remove x/1.<2>.tmp
syncDirectory .
`)
  traced.clear()
  expect(traced.text).toBe('')
})

test('reads are traced on demand', async () => {
  const traced = new TracedFs(MemoryFs.from([['a', new Uint8Array(5)]]), { reads: true })
  const handle = await traced.fs.open('a')
  await handle.read(new Uint8Array(3), 1)
  handle.readSync(new Uint8Array(2), 0)
  await handle.close()
  await traced.fs.readFile('b')
  await traced.fs.size('a')
  expect(() => traced.fs.openSync('b')).toThrow('ENOENT')
  expect(traced.text).toBe('open a\nread a 1+3\nread a 0+2\nclose a\nreadFile b\nsize a\nopen b = ENOENT\n')
})
