import { testHistories } from './model-histories.ts'

testHistories(2, 4)
