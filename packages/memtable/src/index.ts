export { Memtable, type MemtableOptions, type SharedMemtable } from './memtable.ts'
export type { CursorOptions, MemtableCursor } from './memtable-cursor.ts'
