import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CACHE, HOME, run } from './reader.ts'

const START_SECONDS = 60

export interface CatalogServer {
  readonly uri: string
  readonly version: string
  stop(): Promise<void>
}

/**
 * Starts the reference implementation of Iceberg's REST catalog, with its tables in a database file in `directory`.
 * Throws where this machine cannot have it.
 */
export async function startCatalog(directory: string): Promise<CatalogServer> {
  // The class path in the cache may be of a time when there was a Java.
  await run('java', ['-version'])
  const classPath = await classPathOf(join(HOME, 'catalog', 'pom.xml'), join(CACHE, 'catalog-classpath.txt'))
  const port = await freePort()
  const env = {
    ...process.env,
    CATALOG_REST_PORT: String(port),
    CATALOG_WAREHOUSE: `file://${directory}/warehouse`,
    CATALOG_URI: `jdbc:sqlite:file:${directory}/catalog.db`,
  }
  const args = ['-Xmx512m', '-cp', classPath, 'org.apache.iceberg.rest.RESTCatalogServer']
  const child = spawn('java', args, { env, stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const uri = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  for (let second = 0; second < START_SECONDS && child.exitCode === null; second++) {
    const answer = await fetch(`${uri}/v1/config`).catch(() => undefined)
    if (answer?.ok === true) return { uri, version: versionIn(classPath), stop }
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  await stop()
  throw new Error('the catalog server did not start')
}

/** Passes requests on and drops every so many answers, after the server has done what it was asked. */
export async function lossyProxy(
  uri: string,
  every: number,
): Promise<{ uri: string; stop(): Promise<void> }> {
  let number = 0
  const server: Server = createServer((message, response) => {
    void (async (): Promise<void> => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const { method = 'GET', url = '/' } = message
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(uri + url, { method, headers, ...(method === 'GET' ? {} : { body }) })
      const text = await answer.text()
      if (++number % every === 0) message.socket.destroy()
      else response.writeHead(answer.status, headers).end(text)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The jars of a Maven project, looked up once for each text of its file. */
async function classPathOf(pom: string, file: string): Promise<string> {
  const mark = `${file}.pom`
  mkdirSync(CACHE, { recursive: true })
  const isKnown =
    existsSync(file) && existsSync(mark) && readFileSync(mark, 'utf8') === readFileSync(pom, 'utf8')
  if (!isKnown) {
    const goal = ['dependency:build-classpath', `-Dmdep.outputFile=${file}`]
    await run('mvn', ['-q', '-B', '-f', pom, ...goal], { timeoutMs: 300_000 })
    await run('cp', [pom, mark])
  }
  return readFileSync(file, 'utf8').trim()
}

function versionIn(classPath: string): string {
  return /iceberg-core-([\d.]+)\.jar/.exec(classPath)?.[1] ?? ''
}

async function freePort(): Promise<number> {
  const server = createSocketServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
