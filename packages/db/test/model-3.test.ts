import { testHistories } from './model-histories.ts'

testHistories(3, 4)
