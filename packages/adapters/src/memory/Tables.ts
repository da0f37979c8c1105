/**
 * What the memory adapter keeps: immutable tables, so that a unit of work is a copy that costs nothing, taking back is
 * forgetting it, and a reader never sees half of a change.
 */
import {
  type AuditRecord,
  type DecisionRecord,
  isCompleted,
  isPausedBy,
  type Lease,
  type Notice,
  type NumberedRecord,
  type Pause,
  type Queued,
  type Run,
  type RunId,
  type Schedule,
  type ScheduleId,
  type WorkspaceEvent,
  type WorkspaceId
} from "@countersign/domain"
import { HashMap, Option } from "effect"
import { AuthorityTables } from "./AuthorityTables.ts"
import { EventTables } from "./EventTables.ts"

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
  readonly takenBy: ReadonlyArray<string>
}

/** What is stored about runs, as maps. */
export interface Tables {
  readonly runs: HashMap.HashMap<RunId, RunRow>
  /** The queued and running runs by identity: unique because a map has one value for a key. */
  readonly active: HashMap.HashMap<string, RunId>
  readonly audit: HashMap.HashMap<RunId, ReadonlyArray<NumberedRecord>>
  /** How many records were written. */
  readonly audited: number
  readonly decisions: HashMap.HashMap<RunId, ReadonlyArray<DecisionRecord>>
  readonly notices: HashMap.HashMap<RunId, NoticeRow>
  /** The held runs, with the epoch by which they were denied or last offered again; null when facts were not fenced. */
  readonly held: HashMap.HashMap<RunId, number | null>
  readonly schedules: HashMap.HashMap<ScheduleId, Schedule>
  readonly authority: AuthorityTables
  readonly events: EventTables
  /** What is paused, by its scope's key. */
  readonly pauses: HashMap.HashMap<string, Pause>
  /** Moves each time a run begins to wait; a commit that moved it wakes workers. */
  readonly arrivals: number
}

const empty: Tables = {
  runs: HashMap.empty(),
  active: HashMap.empty(),
  audit: HashMap.empty(),
  audited: 0,
  decisions: HashMap.empty(),
  notices: HashMap.empty(),
  held: HashMap.empty(),
  schedules: HashMap.empty(),
  authority: AuthorityTables.empty,
  events: EventTables.empty,
  pauses: HashMap.empty(),
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

/** Every pause in force, in no order. */
const pausesOf = (tables: Tables): ReadonlyArray<Pause> => Array.from(HashMap.values(tables.pauses))

/** Whether the run's operation or workspace is paused. */
const isPaused = (tables: Tables, { dispatch: { subject } }: Run): boolean =>
  HashMap.some(tables.pauses, ({ scope }) => isPausedBy(subject, scope))

/** Stores a run in the state it has reached, and keeps the indexes of active and held runs true; the epoch is that of a held one. */
const withRun = (tables: Tables, run: Run, lease: Lease | null, epoch: number | null = null): Tables => ({
  ...tables,
  runs: HashMap.set(tables.runs, run.dispatch.id, { run, lease }),
  active: indexed(tables.active, run),
  held: isHeld(run) ? HashMap.set(tables.held, run.dispatch.id, epoch) : HashMap.remove(tables.held, run.dispatch.id),
  arrivals: run._tag === "Queued" && !isHeld(run) ? tables.arrivals + 1 : tables.arrivals
})

const isHeld = (run: Run): boolean => run._tag === "Queued" && run.held !== null

/** Whether a run of one of these workspaces is held. */
const areHeldIn = (tables: Tables, workspaces: ReadonlySet<WorkspaceId>): boolean =>
  HashMap.some(tables.held, (_, id) => {
    const row = rowOf(tables, id)
    return row !== undefined && workspaces.has(row.run.dispatch.subject.scope.workspaceId)
  })

/** Forgets a completed run and its notice. What was decided and recorded stays. */
const withoutRun = (tables: Tables, id: RunId): Tables => ({
  ...tables,
  runs: HashMap.remove(tables.runs, id),
  notices: HashMap.remove(tables.notices, id)
})

/** Changes when a queued run may be taken, and nothing else: it does not begin to wait, and nobody is woken. */
const withAvailability = (tables: Tables, queued: Queued, availableAtMillis: number): Tables => ({
  ...tables,
  runs: HashMap.set(tables.runs, queued.dispatch.id, { run: { ...queued, availableAtMillis }, lease: null })
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
  audit: HashMap.set(tables.audit, id, [
    ...numberedOf(tables, id),
    ...records.map((record, at) => ({ position: tables.audited + at + 1, record }))
  ]),
  audited: tables.audited + records.length
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
        problem: null,
        takenBy: []
      })

/** Notes events for those who subscribed to them. */
const withEvents = (tables: Tables, events: ReadonlyArray<WorkspaceEvent>): Tables =>
  events.length === 0 ? tables : { ...tables, events: EventTables.withEvents(tables.events, events) }

/** Whether somebody has still to be told of this run. */
const isNoticePending = (tables: Tables, id: RunId): boolean =>
  Option.exists(HashMap.get(tables.notices, id), (row) => row.deliveredAtMillis === null)

/** Stores a notice's row. */
const withNoticeRow = (tables: Tables, row: NoticeRow): Tables => ({
  ...tables,
  notices: HashMap.set(tables.notices, row.notice.runId, row)
})

const numberedOf = (tables: Tables, id: RunId): ReadonlyArray<NumberedRecord> =>
  Option.getOrElse(HashMap.get(tables.audit, id), () => [])

const recordsOf = (tables: Tables, id: RunId): ReadonlyArray<AuditRecord> =>
  numberedOf(tables, id).map(({ record }) => record)

const decisionsOf = (tables: Tables, id: RunId): ReadonlyArray<DecisionRecord> =>
  Option.getOrElse(HashMap.get(tables.decisions, id), () => [])

export const Tables = {
  empty,
  rowOf,
  activeOf,
  activeRows,
  pausesOf,
  isPaused,
  recordsOf,
  decisionsOf,
  withRun,
  areHeldIn,
  withoutRun,
  withAvailability,
  withAudit,
  withDecision,
  withNotice,
  withEvents,
  isNoticePending,
  withNoticeRow
}
