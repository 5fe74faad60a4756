import { MeruError } from '@meru/core'
import { tableDirectory } from '@meru/manifest'

// Readers disagree on percent-decoding: some decode a path, some take it as it is. These need neither.
const SAFE_PATH = /^[A-Za-z0-9/_.~=:@+,-]*$/
const URI = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/
const DRIVE = /^[A-Za-z]:[\\/]/
const SHORT_URI = /^([a-z][a-z0-9+.-]+):(\/[^/].*)$/

/**
 * The URI under which readers find a table; every file name in the metadata starts with it. `given` is
 * the caller's choice, else the place of the directory. Throws `INVALID` for a URI that readers would
 * take for different files.
 */
export function tableLocation(root: string, table: string, given: string | undefined): string {
  return checkedLocation(`table ${table}`, `${root}/${tableDirectory(table)}`, given)
}

/** As `tableLocation`, for a directory by its absolute path or URI. `what` it is begins the message of a failure. */
export function checkedLocation(what: string, directory: string, given: string | undefined): string {
  const location = given ?? rootUri(directory)
  const problem = problemWith(location)
  if (problem === undefined) return location
  const advice =
    given === undefined
      ? 'move it, or give `location`: the URI under which readers reach the table, for example through a link'
      : 'give another'
  throw new MeruError('INVALID', `${what}: ${location} cannot be an Iceberg location: ${problem}; ${advice}`)
}

/** The path of a file below the location, or `undefined` if it lies elsewhere. */
export function pathBelow(location: string, uri: string): string | undefined {
  return uri.startsWith(`${location}/`) ? uri.slice(location.length + 1) : undefined
}

function rootUri(root: string): string {
  if (URI.test(root)) return root
  const [, scheme, path] = SHORT_URI.exec(root) ?? []
  if (scheme !== undefined) return `${scheme}://${path}`
  if (DRIVE.test(root)) return `file:///${root.replaceAll('\\', '/')}`
  return `file://${root}`
}

function problemWith(location: string): string | undefined {
  const [, scheme, path] = URI.exec(location) ?? []
  if (scheme === undefined) return 'it is no URI with a scheme and `//`'
  if (scheme === 'file' && !path.startsWith('/')) return 'a file URI starts with `file:///`'
  const names = path.split('/')
  if (path.startsWith('/')) names.shift()
  if (names.includes('')) return 'it has an empty name or ends in a slash'
  if (names.includes('.') || names.includes('..')) return 'it has a name `.` or `..`'
  if (!SAFE_PATH.test(path)) {
    const odd = path.replace(/[A-Za-z0-9/_.~=:@+,-]+/g, '')
    return `readers disagree about ${JSON.stringify(odd)}; letters, digits and /_.~=:@+,- are safe`
  }
  return undefined
}
