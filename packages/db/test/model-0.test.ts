import { testHistories } from './model-histories.ts'

testHistories(0, 4)
