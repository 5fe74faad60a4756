import type { FileSystem, WriteHandle } from '@meru/fs'

/** Runs before an asynchronous call takes effect; may wait, or throw instead of it. */
export type BeforeCall = (operation: string, path: string) => Promise<void> | void
/** Runs after an asynchronous call took effect; may throw although it did. */
export type AfterCall = (operation: string, path: string) => void

/** A file system, every asynchronous call of which passes a hook. */
export function hookedFs(fs: FileSystem, before: BeforeCall, after: AfterCall = () => undefined): FileSystem {
  const call = async <Result>(
    operation: string,
    path: string,
    run: () => Promise<Result>,
  ): Promise<Result> => {
    await before(operation, path)
    const result = await run()
    after(operation, path)
    return result
  }
  const hookedHandle = (handle: WriteHandle): WriteHandle => ({
    path: handle.path,
    write: (bytes, offset) => call('write', handle.path, () => handle.write(bytes, offset)),
    writeSync: (bytes, offset) => handle.writeSync(bytes, offset),
    sync: () => call('sync', handle.path, () => handle.sync()),
    syncSync: () => handle.syncSync(),
    close: () => handle.close(),
    closeSync: () => handle.closeSync(),
  })
  return {
    root: fs.root,
    open: (path) => call('open', path, () => fs.open(path)),
    openSync: (path) => fs.openSync(path),
    create: async (path, options) => hookedHandle(await call('create', path, () => fs.create(path, options))),
    createSync: (path, options) => fs.createSync(path, options),
    readFile: (path) => call('readFile', path, () => fs.readFile(path)),
    list: (path) => call('list', path, () => fs.list(path)),
    listSync: (path) => fs.listSync(path),
    size: (path) => call('size', path, () => fs.size(path)),
    makeDirectory: (path) => call('makeDirectory', path, () => fs.makeDirectory(path)),
    link: (from, to) => call('link', to, () => fs.link(from, to)),
    rename: (from, to) => call('rename', to, () => fs.rename(from, to)),
    remove: (path) => call('remove', path, () => fs.remove(path)),
    removeDirectory: (path) => call('removeDirectory', path, () => fs.removeDirectory(path)),
    syncDirectory: (path) => call('syncDirectory', path, () => fs.syncDirectory(path)),
  }
}

/** A file system without hard links: a second name is that of a copy. */
export function linklessFs(fs: FileSystem): FileSystem {
  return {
    ...hookedFs(fs, () => undefined),
    link: async (from, to) => {
      const bytes = await fs.readFile(from)
      const handle = await fs.create(to, { exclusive: true })
      await handle.write(bytes ?? new Uint8Array(0), 0)
      await handle.sync()
      await handle.close()
    },
  }
}
