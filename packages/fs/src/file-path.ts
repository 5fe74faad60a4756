/**
 * Checks a path of the port: names joined by `/`, relative to the root; the empty path is the root.
 * There is one spelling of each file, so that implementations may use the path as an identity.
 * Throws a `TypeError`, for a path is made by code and never by data.
 */
export function checkPath(path: string): void {
  if (path === '') return
  if (path.includes('\\') || path.includes('\0')) {
    throw new TypeError(`path ${JSON.stringify(path)}: names must not hold a backslash or a zero byte`)
  }
  if (/^[A-Za-z]:/.test(path))
    throw new TypeError(`path ${JSON.stringify(path)}: must be relative to the root`)
  let start = 0
  while (start <= path.length) {
    const slash = path.indexOf('/', start)
    const end = slash === -1 ? path.length : slash
    const name = path.slice(start, end)
    if (name === '' || name === '.' || name === '..') {
      throw new TypeError(
        `path ${JSON.stringify(path)}: must be relative to the root, without empty names, '.' and '..'`,
      )
    }
    start = end + 1
  }
}

/** Checks a path that must name something below the root. */
export function checkFilePath(path: string): void {
  if (path === '') throw new TypeError('the empty path is the root directory, not a file')
  checkPath(path)
}

/** The directory that holds a path; the root's is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
