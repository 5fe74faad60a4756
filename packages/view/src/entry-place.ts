/** The bytes of an entry, and where its parts lie in them. */
export interface EntryPlace {
  bytes: Uint8Array
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
}
