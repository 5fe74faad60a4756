import { library } from '../../tsup.base.ts'

export default library('src/index.ts', 'src/meru-worker.ts', 'src/worker-jobs.ts')
