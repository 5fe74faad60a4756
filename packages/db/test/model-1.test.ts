import { testHistories } from './model-histories.ts'

testHistories(1, 4)
