import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const START_TIMEOUT_MS = 300_000
const HEAP = '-Xmx1500m'

/** A type as the server describes it. */
export interface Signature {
  readonly rawType: string
  readonly arguments: readonly {
    readonly value: Signature & {
      readonly fieldName?: { readonly name: string }
      readonly typeSignature?: Signature
    }
  }[]
}

export interface Column {
  readonly name: string
  readonly typeSignature: Signature
}

export interface Result {
  readonly columns: readonly Column[]
  /** Numbers are text. */
  readonly rows: readonly (readonly unknown[])[]
}

/** One answer of the protocol. */
interface Page {
  readonly nextUri?: string
  readonly columns?: readonly Column[]
  readonly data?: readonly (readonly unknown[])[]
  readonly error?: { readonly message: string }
}

/** A server of its own for tables of the local disk, which is the catalog `iceberg`. */
export class TrinoServer {
  readonly #directory: string
  readonly #url: string
  readonly #child: ChildProcess

  private constructor(directory: string, port: number, child: ChildProcess) {
    this.#directory = directory
    this.#url = `http://127.0.0.1:${port}`
    this.#child = child
  }

  /** Takes the path of a Java and the directory of the server. */
  static async start(java: string, home: string): Promise<TrinoServer> {
    const directory = mkdtempSync(join(tmpdir(), 'meru-trino-'))
    const port = await freePort()
    const settings = writeSettings(directory, home, port)
    const jvm = [HEAP, '-XX:+EnableDynamicAgentLoading', '-Djdk.attach.allowAttachSelf=true']
    const access = '--enable-native-access=ALL-UNNAMED'
    const main = ['-cp', join(home, 'lib', '*'), 'io.trino.server.TrinoServer']
    const log = openSync(join(directory, 'server.log'), 'w')
    const args = [...jvm, access, ...settings, ...main]
    const child = spawn(java, args, { cwd: directory, stdio: ['ignore', log, log] })
    process.once('exit', () => child.kill('SIGKILL'))
    const server = new TrinoServer(directory, port, child)
    const isStarted = await server.#started()
    if (isStarted) return server
    const complaint = /^.*\bERROR\b.*$/m.exec(readFileSync(join(directory, 'server.log'), 'utf8'))
    await server.stop()
    throw new Error(`the server does not start: ${complaint?.[0] ?? 'it says nothing'}`)
  }

  /** Runs a statement of SQL to its end. Throws with what the server says is wrong. */
  async ask(sql: string): Promise<Result> {
    const end = performance.now() + START_TIMEOUT_MS
    for (;;) {
      try {
        return await this.#run(sql)
      } catch (error) {
        // Soon after its start the server does not know itself for one that runs queries.
        const isEarly = error instanceof Error && error.message.startsWith('No nodes available')
        if (!isEarly || performance.now() > end) throw error
        await setTimeout(500)
      }
    }
  }

  async #run(sql: string): Promise<Result> {
    const headers = { 'X-Trino-User': 'meru', 'X-Trino-Client-Capabilities': 'PARAMETRIC_DATETIME' }
    let page = await fetchPage(`${this.#url}/v1/statement`, { method: 'POST', body: sql, headers })
    let columns: readonly Column[] = []
    const rows: (readonly unknown[])[] = []
    for (;;) {
      if (page.error !== undefined) throw new Error(page.error.message)
      columns = page.columns ?? columns
      for (const row of page.data ?? []) rows.push(row)
      if (page.nextUri === undefined) return { columns, rows }
      page = await fetchPage(page.nextUri, { headers })
    }
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null && this.#child.kill('SIGKILL'))
      await once(this.#child, 'exit')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Whether it takes statements; false when it has ended or takes too long. */
  async #started(): Promise<boolean> {
    const end = performance.now() + START_TIMEOUT_MS
    let hasEnded = false
    this.#child.once('error', () => (hasEnded = true)).once('exit', () => (hasEnded = true))
    while (!hasEnded && performance.now() < end) {
      const about = await fetch(`${this.#url}/v1/info`).then(
        async (response) => (await response.json()) as { starting: boolean },
        () => ({ starting: true }),
      )
      if (!about.starting) return true
      await setTimeout(500)
    }
    return false
  }
}

/** Answers what Java is told of them. */
function writeSettings(directory: string, home: string, port: number): string[] {
  const catalogs = join(directory, 'catalog')
  mkdirSync(catalogs)
  const config = join(directory, 'config.properties')
  const logLevels = join(directory, 'log.properties')
  const lines = {
    coordinator: true,
    'node-scheduler.include-coordinator': true,
    'http-server.http.port': port,
    'discovery.uri': `http://127.0.0.1:${port}`,
    'catalog.config-dir': catalogs,
    'plugin.dir': join(home, 'plugin'),
    'query.max-memory-per-node': '400MB',
    'memory.heap-headroom-per-node': '300MB',
  }
  const catalog = {
    'connector.name': 'iceberg',
    'iceberg.catalog.type': 'TESTING_FILE_METASTORE',
    'hive.metastore.catalog.dir': `local://${join(directory, 'metastore')}`,
    'fs.native-local.enabled': true,
    'local.location': '/',
    'iceberg.register-table-procedure.enabled': true,
  }
  writeFileSync(config, properties(lines))
  writeFileSync(join(catalogs, 'iceberg.properties'), properties(catalog))
  writeFileSync(logLevels, properties({ 'io.trino': 'WARN', 'io.airlift': 'WARN', Bootstrap: 'WARN' }))
  const node = ['-Dnode.environment=test', '-Dnode.id=one', `-Dnode.data-dir=${join(directory, 'data')}`]
  return [`-Dconfig=${config}`, `-Dlog.levels-file=${logLevels}`, ...node]
}

function properties(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

/** Tries again while the server is busy. */
async function fetchPage(url: string, init: RequestInit): Promise<Page> {
  for (;;) {
    const response = await fetch(url, init)
    const text = await response.text()
    if (response.status === 200) return JSON.parse(withoutNumbers(text)) as Page
    if (response.status !== 503) throw new Error(`status ${response.status}: ${text}`)
    await setTimeout(100)
  }
}

/** Numbers become texts, so that none loses digits. */
function withoutNumbers(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|-?\d[\d.eE+-]*/g, (all, text?: string) => text ?? `"${all}"`)
}
