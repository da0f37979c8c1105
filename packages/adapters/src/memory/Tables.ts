/**
 * What the memory adapter keeps: immutable tables, so that a unit of work is a copy that costs nothing, taking back is
 * forgetting it, and a reader never sees half of a change.
 */
import {
  type AuditRecord,
  type DecisionRecord,
  isCompleted,
  type Lease,
  type Notice,
  type Run,
  type RunId
} from "@countersign/domain"
import { HashMap, Option } from "effect"
import { AuthorityTables } from "./AuthorityTables.ts"

/** A run and who acts on it; only a running run has a lease. */
export interface RunRow {
  readonly run: Run
  readonly lease: Lease | null
}

/** A notice in the outbox. `deliveries` counts the deliveries that were begun. */
export interface NoticeRow {
  readonly notice: Notice
  readonly dueAtMillis: number
  readonly deliveries: number
  readonly deliveredAtMillis: number | null
  /** Why the last delivery failed. */
  readonly problem: string | null
}

/** What is stored about runs, as maps. */
export interface Tables {
  readonly runs: HashMap.HashMap<RunId, RunRow>
  /** The queued and running runs by identity: unique because a map has one value for a key. */
  readonly active: HashMap.HashMap<string, RunId>
  readonly audit: HashMap.HashMap<RunId, ReadonlyArray<AuditRecord>>
  readonly decisions: HashMap.HashMap<RunId, ReadonlyArray<DecisionRecord>>
  readonly notices: HashMap.HashMap<RunId, NoticeRow>
  readonly authority: AuthorityTables
  /** Moves each time a run begins to wait; a commit that moved it wakes workers. */
  readonly arrivals: number
}

const empty: Tables = {
  runs: HashMap.empty(),
  active: HashMap.empty(),
  audit: HashMap.empty(),
  decisions: HashMap.empty(),
  notices: HashMap.empty(),
  authority: AuthorityTables.empty,
  arrivals: 0
}

/** The row of a run, or undefined. */
const rowOf = (tables: Tables, id: RunId): RunRow | undefined => Option.getOrUndefined(HashMap.get(tables.runs, id))

/** The run that is active under this identity, or undefined. */
const activeOf = (tables: Tables, identity: string): Run | undefined => {
  const id = Option.getOrUndefined(HashMap.get(tables.active, identity))
  return id === undefined ? undefined : rowOf(tables, id)?.run
}

/** Every queued and running row, in no order. */
const activeRows = (tables: Tables): ReadonlyArray<RunRow> =>
  Array.from(HashMap.values(tables.active), (id) => rowOf(tables, id)).filter((row) => row !== undefined)

/** Stores a run in the state it has reached, and keeps the index of active runs true. */
const withRun = (tables: Tables, run: Run, lease: Lease | null): Tables => ({
  ...tables,
  runs: HashMap.set(tables.runs, run.dispatch.id, { run, lease }),
  active: indexed(tables.active, run),
  arrivals: run._tag === "Queued" ? tables.arrivals + 1 : tables.arrivals
})

const indexed = (active: Tables["active"], run: Run): Tables["active"] => {
  const { id, identity } = run.dispatch
  if (!isCompleted(run)) return HashMap.set(active, identity, id)
  // A run that completes at its dispatch never was the active one of its identity, but another may be.
  return Option.contains(HashMap.get(active, identity), id) ? HashMap.remove(active, identity) : active
}

/** Appends to the audit record. */
const withAudit = (tables: Tables, id: RunId, records: ReadonlyArray<AuditRecord>): Tables => ({
  ...tables,
  audit: HashMap.set(tables.audit, id, [...recordsOf(tables, id), ...records])
})

/** Appends to the decisions, where there is one. */
const withDecision = (tables: Tables, id: RunId, decision: DecisionRecord | null): Tables =>
  decision === null
    ? tables
    : { ...tables, decisions: HashMap.set(tables.decisions, id, [...decisionsOf(tables, id), decision]) }

/** Puts a notice, where there is one, into the outbox, due from when its run completed. */
const withNotice = (tables: Tables, notice: Notice | null): Tables =>
  notice === null
    ? tables
    : withNoticeRow(tables, {
        notice,
        dueAtMillis: notice.completedAtMillis,
        deliveries: 0,
        deliveredAtMillis: null,
        problem: null
      })

/** Stores a notice's row. */
const withNoticeRow = (tables: Tables, row: NoticeRow): Tables => ({
  ...tables,
  notices: HashMap.set(tables.notices, row.notice.runId, row)
})

const recordsOf = (tables: Tables, id: RunId): ReadonlyArray<AuditRecord> =>
  Option.getOrElse(HashMap.get(tables.audit, id), () => [])

const decisionsOf = (tables: Tables, id: RunId): ReadonlyArray<DecisionRecord> =>
  Option.getOrElse(HashMap.get(tables.decisions, id), () => [])

export const Tables = {
  empty,
  rowOf,
  activeOf,
  activeRows,
  recordsOf,
  decisionsOf,
  withRun,
  withAudit,
  withDecision,
  withNotice,
  withNoticeRow
}
