import { library } from '../../tsup.base.ts'

export default library('src/index.ts', 'src/suite.ts', 'src/s3-fs.ts', 'src/s3-server.ts')
