import { library, thread } from '../../tsup.base.ts'

export default [library('src/index.ts', 'src/worker-jobs.ts'), thread('src/meru-worker.ts')]
