import type { ByteWriter } from './byte-writer.ts'
import type { ColumnMode } from './column.ts'
import { type ColumnType, type NestedPart, type NestedType } from './column-type.ts'
import { VALUE_BYTES_MAX } from './entry.ts'
import { MeruError } from './errors.ts'
import {
  appendNulls,
  corruptNested,
  isNullBit,
  prependLength,
  readNestedCount,
  readNestedVarint,
  setNullBit,
  skipNestedBytes,
  skipNulls,
  type NestedCursor,
} from './nested-bytes.ts'
import { partMode } from './nested-type.ts'
import { hasOnly, isRecord, recordShape } from './record-shape.ts'
import { loosePlace } from './row-layout.ts'
import { appendText, readText } from './text.ts'
import { isBytes, isMap } from './value-check.ts'
import { copyBytes, scalarPlan, type ColumnPlan, type NestedCodec } from './value-codec.ts'
import { halfPair, invalidValue, showValue, type ColumnName } from './value-error.ts'

/** One part of a nested value to bytes and back; never null. */
interface PartCodec {
  append(out: ByteWriter, value: unknown): void
  read(from: NestedCursor): unknown
}

/** A part, and how messages call it. */
interface Part extends ColumnName {
  readonly required: boolean
  readonly codec: PartCodec
}

/** The codec of a nested column. Parts are named after Iceberg: `orders.element.street`. */
export function nestedCodec(
  table: string,
  name: string,
  type: NestedType,
  mode: ColumnMode | undefined,
): NestedCodec {
  const codec = partCodec({ table, name }, type, mode)
  return {
    append: (out, value) => {
      codec.append(out, value)
    },
    read: (bytes, start, end) => {
      const cursor: NestedCursor = { bytes, at: start, end }
      try {
        const value = codec.read(cursor)
        if (cursor.at !== end) throw corruptNested(`${end - cursor.at} bytes too many`)
        return value
      } catch (cause) {
        if (!(cause instanceof MeruError) || cause.code !== 'CORRUPT') throw cause
        throw new MeruError('CORRUPT', `table "${table}", column "${name}": ${cause.message}`, { cause })
      }
    },
  }
}

function partCodec(place: ColumnName, type: ColumnType, mode: ColumnMode | undefined): PartCodec {
  const part = (name: string, of: NestedPart): Part => {
    const inner = { table: place.table, name: `${place.name}.${name}` }
    return { ...inner, required: of.required, codec: partCodec(inner, of.type, partMode(mode, name)) }
  }
  switch (type.kind) {
    case 'struct':
      return structCodec(
        place,
        type.fields.map((field) => field.name),
        type.fields.map((field) => part(field.name, field)),
      )
    case 'list':
      return listCodec(place, part('element', type.element))
    case 'map': {
      const isObject = typeof mode === 'object' && mode.shape === 'object'
      return mapCodec(place, part('key', type.key), part('value', type.value), {
        isObject,
        isText: type.key.type.kind === 'string',
      })
    }
    default:
      return scalarCodec(scalarPlan(place.table, loosePlace({ name: place.name, type }), mode))
  }
}

function scalarCodec(plan: ColumnPlan): PartCodec {
  const { fixed, width } = plan
  if (fixed !== undefined) {
    return {
      append: (out, value) => {
        out.reserve(width)
        fixed.put(out.view, out.bytes, out.length, value, plan)
        out.length += width
      },
      read: (from) => fixed.get(from.bytes, skipNestedBytes(from, width), plan),
    }
  }
  const isText = plan.type.kind === 'string'
  return {
    append: (out, value) => {
      const start = out.length
      if (isText) {
        if (typeof value !== 'string') throw invalidValue(plan, value, 'a string')
        if (!appendText(out, value)) throw halfPair(plan, value)
      } else {
        if (!isBytes(value)) throw invalidValue(plan, value, 'a Uint8Array')
        out.append(value)
      }
      prependLength(out, start)
    },
    read: (from) => {
      const length = readNestedVarint(from)
      const start = skipNestedBytes(from, length)
      return isText
        ? readText(from.bytes, start, start + length)
        : copyBytes(from.bytes, start, start + length)
    },
  }
}

function structCodec(place: ColumnName, names: readonly string[], fields: readonly Part[]): PartCodec {
  const shape = recordShape(names)
  const optional = fields.filter((field) => !field.required).length
  return {
    append: (out, value) => {
      if (!isRecord(value)) throw invalidValue(place, value, `an object with ${names.join(', ')}`)
      const values = shape.take(value)
      const nullsAt = appendNulls(out, optional)
      let bit = 0
      for (let i = 0; i < fields.length; i++) {
        const field = fields[i]
        const isAbsent = values[i] === undefined || values[i] === null
        if (isAbsent && field.required) throw invalidValue(field, values[i], 'a value; the field is required')
        if (isAbsent) setNullBit(out.bytes, nullsAt, bit)
        else field.codec.append(out, values[i])
        if (!field.required) bit++
      }
      if (!hasOnly(value, values)) refuseUnknown(place, names, value)
    },
    read: (from) => {
      const nullsAt = skipNulls(from, optional)
      const values: unknown[] = Array(fields.length)
      let bit = 0
      for (let i = 0; i < fields.length; i++) {
        const { required, codec } = fields[i]
        const isAbsent = !required && isNullBit(from.bytes, nullsAt, bit++)
        values[i] = isAbsent ? null : codec.read(from)
      }
      return shape.make(values)
    },
  }
}

function refuseUnknown(place: ColumnName, names: readonly string[], value: object): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new MeruError(
    'INVALID',
    `table "${place.table}", column "${place.name}": the object has a field ${showValue(unknown)}; ` +
      `the fields are ${names.join(', ')}`,
  )
}

function listCodec(place: ColumnName, element: Part): PartCodec {
  return {
    append: (out, value) => {
      if (!Array.isArray(value)) throw invalidValue(place, value, 'an array')
      checkCount(place, value.length)
      out.varint(value.length)
      const nullsAt = element.required ? -1 : appendNulls(out, value.length)
      for (let i = 0; i < value.length; i++) appendElement(out, element, value[i], nullsAt, i)
    },
    read: (from) => {
      const count = readNestedCount(from)
      const nullsAt = element.required ? -1 : skipNulls(from, count)
      const values: unknown[] = Array(count)
      for (let i = 0; i < count; i++) values[i] = readElement(from, element, nullsAt, i)
      return values
    },
  }
}

function mapCodec(
  place: ColumnName,
  key: Part,
  value: Part,
  { isObject, isText }: { readonly isObject: boolean; readonly isText: boolean },
): PartCodec {
  const expected = isObject ? 'an object or a Map' : isText ? 'a Map, or an object' : 'a Map'
  return {
    append: (out, map) => {
      if (!isMap(map) && !(isText && isRecord(map))) throw invalidValue(place, map, expected)
      const entries = isMap(map) ? [...map] : Object.entries(map)
      checkCount(place, entries.length)
      out.varint(entries.length)
      const nullsAt = value.required ? -1 : appendNulls(out, entries.length)
      // Values that are equal as keys may still be two keys of a Map, such as two Dates.
      const seen = isText ? undefined : new Set<string>()
      for (let i = 0; i < entries.length; i++) {
        const start = out.length
        appendElement(out, key, entries[i][0], -1, i)
        if (seen !== undefined) refuseTwice(seen, out.bytes.subarray(start, out.length), place, entries[i][0])
        appendElement(out, value, entries[i][1], nullsAt, i)
      }
    },
    read: (from) => {
      const count = readNestedCount(from)
      const nullsAt = value.required ? -1 : skipNulls(from, count)
      const entries: [unknown, unknown][] = Array(count)
      for (let i = 0; i < count; i++) {
        const read = key.codec.read(from)
        entries[i] = [read, readElement(from, value, nullsAt, i)]
      }
      return isObject ? Object.fromEntries(entries as [string, unknown][]) : new Map(entries)
    },
  }
}

function refuseTwice(seen: Set<string>, bytes: Uint8Array, place: ColumnName, key: unknown): void {
  const text = bytes.join()
  if (seen.has(text)) throw invalidValue(place, key, 'a key of its own: another entry has the same')
  seen.add(text)
}

function appendElement(out: ByteWriter, part: Part, value: unknown, nullsAt: number, index: number): void {
  if (value !== undefined && value !== null) return part.codec.append(out, value)
  if (part.required) throw invalidValue(part, value, 'a value; null is not allowed here')
  setNullBit(out.bytes, nullsAt, index)
}

function readElement(from: NestedCursor, part: Part, nullsAt: number, index: number): unknown {
  return !part.required && isNullBit(from.bytes, nullsAt, index) ? null : part.codec.read(from)
}

function checkCount(place: ColumnName, count: number): void {
  if (count <= VALUE_BYTES_MAX) return
  throw new MeruError(
    'INVALID',
    `table "${place.table}", column "${place.name}": ${count} elements, more than a row can hold`,
  )
}
