// The module of the worker threads, for applications that are bundled: see the component `workerEntry`.
import { serveJobs } from '@meru/compaction/worker'

serveJobs()
