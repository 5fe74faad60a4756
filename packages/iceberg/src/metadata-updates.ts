import { MeruError } from '@meru/core'
import { MAIN_BRANCH } from './format.ts'
import { isObject, sameJson, type Json, type JsonObject } from './json.ts'
import type { TableMetadata } from './table-metadata.ts'

/** A commit in the words of the REST protocol. */
export interface CatalogCommit {
  readonly requirements: readonly JsonObject[]
  readonly updates: readonly JsonObject[]
}

/** What makes a table of nothing. The ids are ours, in the order in which the server gives them out. */
export function creation(next: TableMetadata, uuid: string): CatalogCommit {
  return {
    requirements: [{ type: 'assert-create' }],
    updates: [
      { action: 'assign-uuid', uuid },
      { action: 'upgrade-format-version', 'format-version': next['format-version'] },
      ...schemaUpdates(undefined, next),
      ...listOf(next['partition-specs']).map((spec): JsonObject => ({ action: 'add-spec', spec })),
      { action: 'set-default-spec', 'spec-id': -1 },
      ...listOf(next['sort-orders']).map((order): JsonObject => ({
        action: 'add-sort-order',
        'sort-order': order,
      })),
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      { action: 'set-location', location: next.location },
      { action: 'set-properties', updates: next.properties },
      ...snapshotUpdates(undefined, next),
    ],
  }
}

/**
 * What turns one metadata into the next, asserting that the first is still the table: nobody has moved the main branch
 * or changed the schema. Throws `INVALID` for what only another table could be.
 */
export function changes(before: TableMetadata, next: TableMetadata): CatalogCommit {
  if (before['table-uuid'] !== next['table-uuid']) {
    throw new MeruError(
      'INVALID',
      `${before.location}: the table was made anew under its name, and the catalog still has the one before; drop it there`,
    )
  }
  const schemas = schemaUpdates(before, next)
  const isUpgraded = before['format-version'] !== next['format-version']
  const properties = Object.entries(next.properties).filter(
    ([name, value]) => before.properties[name] !== value,
  )
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: before['table-uuid'] },
      {
        type: 'assert-ref-snapshot-id',
        ref: MAIN_BRANCH,
        'snapshot-id': before.refs[MAIN_BRANCH]?.['snapshot-id'] ?? null,
      },
      ...(schemas.length === 0
        ? []
        : [
            { type: 'assert-current-schema-id', 'current-schema-id': before['current-schema-id'] },
            { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': before['last-column-id'] },
          ]),
    ],
    updates: [
      ...(isUpgraded ? [{ action: 'upgrade-format-version', 'format-version': next['format-version'] }] : []),
      ...schemas,
      ...(before.location === next.location ? [] : [{ action: 'set-location', location: next.location }]),
      ...(properties.length === 0
        ? []
        : [{ action: 'set-properties', updates: Object.fromEntries(properties) }]),
      ...snapshotUpdates(before, next),
    ],
  }
}

function schemaUpdates(before: TableMetadata | undefined, next: TableMetadata): JsonObject[] {
  const known = new Set((before?.schemas ?? []).map(schemaId))
  const added = next.schemas.filter((schema) => !known.has(schemaId(schema)))
  const isCurrent = before?.['current-schema-id'] === next['current-schema-id']
  return [
    ...added.map((schema): JsonObject => ({
      action: 'add-schema',
      schema,
      'last-column-id': next['last-column-id'],
    })),
    ...(isCurrent ? [] : [{ action: 'set-current-schema', 'schema-id': next['current-schema-id'] }]),
  ]
}

/** New snapshots, then the names for snapshots, then the removal of those that no name keeps. */
function snapshotUpdates(before: TableMetadata | undefined, next: TableMetadata): JsonObject[] {
  const old = new Set((before?.snapshots ?? []).map((snapshot) => snapshot['snapshot-id']))
  const kept = new Set(next.snapshots.map((snapshot) => snapshot['snapshot-id']))
  const refs = Object.entries(next.refs).filter(([name, ref]) => {
    const known = before?.refs[name]
    return known === undefined || !sameJson(known, ref)
  })
  const gone = Object.keys(before?.refs ?? {}).filter((name) => next.refs[name] === undefined)
  const expired = [...old].filter((id) => !kept.has(id))
  return [
    ...next.snapshots
      .filter((snapshot) => !old.has(snapshot['snapshot-id']))
      .map((snapshot): JsonObject => ({ action: 'add-snapshot', snapshot })),
    ...refs.map(([name, ref]): JsonObject => ({ action: 'set-snapshot-ref', 'ref-name': name, ...ref })),
    ...gone.map((name): JsonObject => ({ action: 'remove-snapshot-ref', 'ref-name': name })),
    ...(expired.length === 0 ? [] : [{ action: 'remove-snapshots', 'snapshot-ids': expired }]),
  ]
}

function schemaId(schema: Json): Json | undefined {
  return isObject(schema) ? schema['schema-id'] : undefined
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}
