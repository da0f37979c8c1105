/** `AuditLog` in memory. */
import {
  type AuditFilter,
  AuditLog,
  type AuditPage,
  type AuditRecord,
  type DecisionPage,
  type DecisionPosition,
  type DecisionRecord
} from "@countersign/domain"
import { Effect, HashMap, Layer, Result } from "effect"
import { MemoryState } from "./MemoryState.ts"
import { Tables } from "./Tables.ts"

const matches = (record: AuditRecord, filter: AuditFilter): boolean =>
  (filter.workspaceId === undefined || filter.workspaceId === record.workspaceId) &&
  (filter.runId === undefined || filter.runId === record.runId) &&
  (filter.action === undefined || filter.action === record.action) &&
  (filter.outcome === undefined || filter.outcome === record.outcome) &&
  (filter.fromMillis === undefined || filter.fromMillis <= record.occurredAtMillis) &&
  (filter.beforeMillis === undefined || filter.beforeMillis > record.occurredAtMillis)

const paged = (tables: Tables, filter: AuditFilter): AuditPage => {
  const { after, limit } = filter
  const sign = filter.order === "oldest_first" ? 1 : -1
  const found = Array.from(HashMap.values(tables.audit))
    .flat()
    .filter(({ position, record }) => (after === undefined || (position - after) * sign > 0) && matches(record, filter))
    .sort((a, b) => (a.position - b.position) * sign)
  const records = found.slice(0, limit)
  return { records, unreadable: [], next: found.length > limit ? (records.at(-1)?.position ?? null) : null }
}

const keyOf = ({ runId, decisionId }: DecisionPosition): string => `${runId} ${decisionId}`
const positionOf = ({ id, runId }: DecisionRecord): DecisionPosition => ({ runId, decisionId: id })

const decisionsAfter = (tables: Tables, after: DecisionPosition | null, limit: number): DecisionPage => {
  const found = Array.from(HashMap.values(tables.decisions))
    .flat()
    .map((decision): [string, DecisionRecord] => [keyOf(positionOf(decision)), decision])
    .filter(([key]) => after === null || key > keyOf(after))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, decision]) => decision)
  const last = found[limit - 1]
  return {
    decisions: found.slice(0, limit).map((decision) => Result.succeed(decision)),
    next: last === undefined || found.length === limit ? null : positionOf(last)
  }
}

/** Reads what the steps wrote, in the order they were written. Nothing is ever unreadable. */
export const layerAuditLog: Layer.Layer<AuditLog, never, MemoryState> = Layer.effect(
  AuditLog,
  Effect.map(MemoryState, ({ look }) =>
    AuditLog.of({
      recordsOf: (id) => look((tables) => Tables.recordsOf(tables, id)),
      decisionsOf: (id) => look((tables) => Tables.decisionsOf(tables, id)),
      page: (filter) => look((tables) => paged(tables, filter)),
      decisionsAfter: (after, limit) => look((tables) => decisionsAfter(tables, after, limit))
    })
  )
)
