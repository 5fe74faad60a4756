// Preloaded by every process and thread that runs the sources as they are. Not in TypeScript, so that it needs nothing itself.
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

// Node strips types with WebAssembly, anew in each thread. Where threads compile the wrappers of its imports beside one another, V8
// now and then ends the process: "Check failed: jit_page.has_value()". So wrappers stay as they are made.
if (isMainThread) setFlagsFromString('--wasm-wrapper-tiering-budget=1000000000')

// Tests start workers by the thousand: they run one file that `worker-bundle.ts` made, instead of stripping each module.
const bundle = process.env['MERU_WORKER_BUNDLE']
if (!isMainThread && bundle !== undefined) {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const found = nextResolve(specifier, context)
      if (!found.url.endsWith('/packages/compaction/src/meru-worker.ts')) return found
      return { ...found, url: pathToFileURL(bundle).href, format: 'module' }
    },
  })
}
