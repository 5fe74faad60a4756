export {
  preparePython,
  pythonProgram,
  READ_TABLES,
  preparePythonReaders,
  type PythonReader,
  type ReadRequest,
  readTables,
} from './python-readers.ts'
export { runProgram, type RunOptions } from './run-program.ts'
export { filterTable, type FilterCase, type FilterOperator, type FilterTable } from './filter-cases.ts'
export {
  doubleText,
  mapText,
  plainText,
  sortedLines,
  type TextRow,
  textRows,
  valueText,
} from './text-rows.ts'
export { CHANGES, type NamedChange, PEOPLE, person } from './changes.ts'
