// The module of a worker thread.
import { serveJobs } from './worker-jobs.ts'

serveJobs()
